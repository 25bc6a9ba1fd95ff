"""Discovery within one event loop."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from dynamo.discovery._protocol import Instance, Target, Watch

_Endpoint = tuple[str, str, str]


class _Known:
    """What the runtimes of one event loop have registered."""

    def __init__(self) -> None:
        self.watches: dict[_Endpoint, Watch] = {}
        self.targets: dict[int, Target] = {}

    def watch(self, endpoint: _Endpoint) -> Watch:
        watch = self.watches.get(endpoint)
        if watch is None:
            watch = self.watches[endpoint] = Watch()
        return watch


_known: WeakKeyDictionary[asyncio.AbstractEventLoop, _Known] = WeakKeyDictionary()


class MemoryDiscovery:
    """Knows the runtimes of the event loop that it was made in."""

    def __init__(self) -> None:
        self._known = _known.setdefault(asyncio.get_running_loop(), _Known())
        self._instances: set[Instance] = set()
        self._targets: set[int] = set()

    async def register(self, instance: Instance) -> None:
        """Let clients find an instance."""
        self._instances.add(instance)
        self._known.watch(_endpoint(instance)).put(instance)

    async def unregister(self, instance: Instance) -> None:
        """Let clients find it no more."""
        self._instances.discard(instance)
        self._known.watch(_endpoint(instance)).drop(instance.instance_id)

    async def announce(self, instance_id: int, target: Target) -> None:
        """Let Prometheus find a runtime, with these labels from now on."""
        self._targets.add(instance_id)
        self._known.targets[instance_id] = target

    async def watch(self, namespace: str, component: str, endpoint: str) -> Watch:
        """Return the instances of an endpoint, kept up to date."""
        return self._known.watch((namespace, component, endpoint))

    async def own_address(self) -> str:
        """Return the loopback address: all who share this discovery are here."""
        return "127.0.0.1"

    async def targets(self) -> list[Target]:
        """Return the status servers there are now."""
        return list(self._known.targets.values())

    async def close(self) -> None:
        """Take back all that was registered here."""
        for instance in list(self._instances):
            await self.unregister(instance)
        for instance_id in self._targets:
            self._known.targets.pop(instance_id, None)


def _endpoint(instance: Instance) -> _Endpoint:
    return (instance.namespace, instance.component, instance.endpoint)
