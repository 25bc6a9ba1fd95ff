"""What every kind of discovery offers, and what it keeps."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Instance:
    """An endpoint, served by one runtime."""

    namespace: str
    component: str
    endpoint: str
    instance_id: int
    """The runtime's, the same for all its endpoints: 1 to 2**63 - 1."""
    plane: str
    """The request plane that leads to it: ``"nats"``, for example."""
    address: str
    """Where it is, on that plane."""


_LABELS = {"namespace", "component", "instance"}


@dataclass(frozen=True)
class Target:
    """The status server of a runtime, for Prometheus to scrape."""

    address: str
    """``host:port``, as other hosts reach it."""
    labels: dict[str, str] = field(hash=False)
    """``namespace``, ``component`` and ``instance`` (the instance id in hex). A runtime that serves
    several namespaces or components has them separated by commas, sorted."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` if this, read from elsewhere, is not what the fields say."""
        labels = self.labels if isinstance(self.labels, dict) else {}
        texts = [self.address, *labels.values()]
        if not all(isinstance(text, str) for text in texts) or not labels.keys() >= _LABELS:
            raise ValueError(f"this is no Target: {self}"[:300])


class Discovery(Protocol):
    """Knows instances and targets. What is registered here is gone when this process is."""

    async def register(self, instance: Instance) -> None:
        """Let clients find an instance."""
        ...

    async def unregister(self, instance: Instance) -> None:
        """Let clients find it no more."""
        ...

    async def announce(self, instance_id: int, target: Target) -> None:
        """Let Prometheus find a runtime, with these labels from now on."""
        ...

    async def watch(self, namespace: str, component: str, endpoint: str) -> Watch:
        """Return the instances of an endpoint, kept up to date until discovery is closed."""
        ...

    async def own_address(self) -> str:
        """Return the address of this host, as those who share the discovery reach it."""
        ...

    async def targets(self) -> list[Target]:
        """Return the status servers there are now; ``ConnectionError`` if that is not known."""
        ...

    async def close(self) -> None:
        """Take back all that was registered here, and let go of what discovery holds."""
        ...


class Watch:
    """The instances of an endpoint as they come and go."""

    def __init__(self) -> None:
        self._instances: dict[int, Instance] = {}
        self._changed = asyncio.Event()

    @property
    def instances(self) -> dict[int, Instance]:
        """The instances now, by id, in the order in which they came."""
        return self._instances

    async def change(self) -> None:
        """Wait until an instance comes or goes."""
        await self._changed.wait()

    def put(self, instance: Instance) -> None:
        """Note that an instance is there."""
        if self._instances.get(instance.instance_id) != instance:
            self._instances[instance.instance_id] = instance
            self._wake()

    def drop(self, instance_id: int) -> None:
        """Note that an instance is there no more."""
        if self._instances.pop(instance_id, None) is not None:
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def to_json(record: Instance | Target) -> bytes:
    """Return a record as it is stored."""
    return json.dumps(asdict(record), separators=(",", ":")).encode()


def from_json(kind: type[_T], stored: bytes) -> _T:
    """Read what ``to_json`` wrote. Raises ``ValueError`` for anything else."""
    fields: Any = json.loads(stored)
    try:
        return kind(**fields)
    except TypeError:
        raise ValueError(f"this is no {kind.__name__}: {stored[:200]!r}") from None
