"""What discovery has of one kind, kept up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

from dynamo import _tasks
from dynamo.discovery._records import Instance, Model

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Entries(Generic[_K, _V]):
    """Entries as they come and go, each with a key."""

    def __init__(self) -> None:
        self._entries: dict[_K, _V] = {}
        self._changed = asyncio.Event()

    @property
    def entries(self) -> dict[_K, _V]:
        """The entries now, in the order in which they came."""
        return self._entries

    async def change(self, timeout: float | None = None) -> bool:
        """Wait until an entry comes or goes, and return True.

        Returns False if none has within ``timeout`` seconds.
        """
        if timeout is None:
            return await self._changed.wait()
        return await _tasks.happens(self._changed, timeout)

    def set(self, key: _K, entry: _V) -> None:
        """Add an entry, or replace the one with its key."""
        if self._entries.get(key) != entry:
            self._entries[key] = entry
            self._wake()

    def drop(self, key: _K) -> None:
        """Remove an entry."""
        if self._entries.pop(key, None) is not None:
            self._wake()

    def replace(self, entries: dict[_K, _V]) -> None:
        """Have these entries and no others."""
        for key in [key for key in self._entries if key not in entries]:
            self.drop(key)
        for key, entry in entries.items():
            self.set(key, entry)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Watch(Entries[int, Instance]):
    """The instances of one endpoint, by their ids."""

    @property
    def instances(self) -> dict[int, Instance]:
        """The instances now, by id, in the order in which they came."""
        return self._entries

    def put(self, instance: Instance) -> None:
        """Add an instance, or replace the one with its id."""
        self.set(instance.instance_id, instance)


ModelKey = tuple[str, str, str, str, int]
"""Name, namespace, component, endpoint, instance id."""


class ModelWatch(Entries[ModelKey, Model]):
    """The models of all workers."""

    @property
    def models(self) -> list[Model]:
        """The models now, one for each worker, in the order in which they came."""
        return list(self._entries.values())

    def put(self, model: Model) -> None:
        """Add the model of a worker, or replace it."""
        self.set(model_key(model), model)


def model_key(model: Model) -> ModelKey:
    """Return the key of a model of a worker."""
    return (model.name, *model.path, model.instance_id)
