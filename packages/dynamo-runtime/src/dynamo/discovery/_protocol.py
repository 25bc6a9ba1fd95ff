"""What every discovery backend offers."""

from __future__ import annotations

from typing import Protocol

from dynamo.discovery._records import Instance, Model, Target
from dynamo.discovery._watch import ModelWatch, Watch


class Discovery(Protocol):
    """Knows instances, models and targets. What a process registers ends with the process."""

    async def register(self, instance: Instance) -> None:
        """Let clients find an instance."""
        ...

    async def unregister(self, instance: Instance) -> None:
        """Remove an instance: clients no longer find it."""
        ...

    async def register_model(self, model: Model) -> None:
        """Let frontends find a model, until ``close``."""
        ...

    async def announce(self, instance_id: int, target: Target) -> None:
        """Let Prometheus find a runtime, with these labels from now on."""
        ...

    async def watch(self, namespace: str, component: str, endpoint: str) -> Watch:
        """Return the instances of an endpoint, kept up to date until discovery is closed."""
        ...

    async def watch_models(self) -> ModelWatch:
        """Return the models of all workers, kept up to date until discovery is closed."""
        ...

    async def own_address(self) -> str:
        """Return the address of this host, as the other users of this discovery reach it."""
        ...

    async def targets(self) -> list[Target]:
        """Return the status servers now. Raises ``ConnectionError`` if they are not known."""
        ...

    async def close(self) -> None:
        """Remove what was registered here, and disconnect."""
        ...
