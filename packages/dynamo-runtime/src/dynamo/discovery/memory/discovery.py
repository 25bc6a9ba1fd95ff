"""Registers and watches in the store of the running event loop."""

from __future__ import annotations

from dynamo.discovery._records import Instance, Model, Target
from dynamo.discovery._watch import ModelKey, ModelWatch, Watch, model_key
from dynamo.discovery.memory.store import Store


class MemoryDiscovery:
    """Knows the runtimes of the event loop that it was made in."""

    def __init__(self) -> None:
        self._store = Store.of_running_loop()
        self._instances: set[Instance] = set()
        self._models: set[ModelKey] = set()
        self._targets: set[int] = set()

    async def register(self, instance: Instance) -> None:
        """Let clients find an instance."""
        self._instances.add(instance)
        self._store.put(instance)

    async def unregister(self, instance: Instance) -> None:
        """Remove an instance: clients no longer find it."""
        self._instances.discard(instance)
        self._store.drop(instance)

    async def register_model(self, model: Model) -> None:
        """Let frontends find a model."""
        self._models.add(model_key(model))
        self._store.models.put(model)

    async def announce(self, instance_id: int, target: Target) -> None:
        """Let Prometheus find a runtime, with these labels from now on."""
        self._targets.add(instance_id)
        self._store.targets[instance_id] = target

    async def watch(self, namespace: str, component: str, endpoint: str) -> Watch:
        """Return the instances of an endpoint, kept up to date."""
        return self._store.watch(namespace, component, endpoint)

    async def watch_models(self) -> ModelWatch:
        """Return the models of all workers, kept up to date."""
        return self._store.models

    async def own_address(self) -> str:
        """Return the loopback address: all users of this discovery are on this host."""
        return "127.0.0.1"

    async def targets(self) -> list[Target]:
        """Return the status servers now."""
        return list(self._store.targets.values())

    async def close(self) -> None:
        """Remove what was registered here."""
        for instance in list(self._instances):
            await self.unregister(instance)
        for key in self._models:
            self._store.models.drop(key)
        for instance_id in self._targets:
            self._store.targets.pop(instance_id, None)
