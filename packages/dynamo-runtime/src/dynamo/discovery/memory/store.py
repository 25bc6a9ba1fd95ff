"""What the runtimes of one event loop have registered."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from dynamo.discovery._records import Instance, Target
from dynamo.discovery._watch import ModelWatch, Watch


class Store:
    """The entries of one event loop."""

    def __init__(self) -> None:
        self.targets: dict[int, Target] = {}
        self.models = ModelWatch()
        self._watches: dict[tuple[str, str, str], Watch] = {}

    @classmethod
    def of_running_loop(cls) -> Store:
        """Return the store of the running event loop."""
        return _stores.setdefault(asyncio.get_running_loop(), cls())

    def watch(self, namespace: str, component: str, endpoint: str) -> Watch:
        """Return the instances of an endpoint, one ``Watch`` for all who ask."""
        return self._watches.setdefault((namespace, component, endpoint), Watch())

    def put(self, instance: Instance) -> None:
        """Add an instance."""
        self._watch_of(instance).put(instance)

    def drop(self, instance: Instance) -> None:
        """Remove an instance."""
        self._watch_of(instance).drop(instance.instance_id)

    def _watch_of(self, instance: Instance) -> Watch:
        return self.watch(instance.namespace, instance.component, instance.endpoint)


_stores: WeakKeyDictionary[asyncio.AbstractEventLoop, Store] = WeakKeyDictionary()
