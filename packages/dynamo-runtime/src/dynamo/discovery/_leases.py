"""A watch whose entries expire unless they are put again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from dynamo.discovery._records import BadEntries, Instance, Model, from_json
from dynamo.discovery._watch import Entries, ModelKey, ModelWatch, Watch, model_key

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Leased(Generic[_K, _V]):
    """Entries as they are put, removed and not renewed."""

    def __init__(
        self, entries: Entries[_K, _V], lease: float, read: Callable[[str, bytes], tuple[_K, _V]]
    ) -> None:
        """Expire entries that were not put again for ``lease`` seconds.

        ``read`` returns the entry that is stored under a key, and raises ``ValueError`` for a bad
        one.
        """
        self._entries = entries
        self._lease = lease
        self._read = read
        self._bad = BadEntries()
        self._renewed: dict[str, tuple[_K, float]] = {}

    def take(self, key: str, value: bytes | None) -> None:
        """Handle an entry that was put, or removed if ``value`` is None.

        An entry that cannot be read, or that belongs to another key, is logged and ignored.
        """
        if value is None:
            self._drop(key)
            return
        try:
            known_as, entry = self._read(key, value)
        except ValueError as error:
            self._bad.log(key, value, error)
            return
        self._entries.set(known_as, entry)
        self._renewed[key] = known_as, self._now()

    def renew_all(self) -> None:
        """Restart the lease of every entry."""
        now = self._now()
        self._renewed = {key: (known_as, now) for key, (known_as, _) in self._renewed.items()}

    def expire(self, unobserved: float) -> None:
        """Drop entries whose lease is over.

        The last ``unobserved`` seconds do not count: no renewal could be seen in them.
        """
        now = self._now()
        for key, (known_as, renewed) in list(self._renewed.items()):
            renewed += max(0.0, unobserved)
            self._renewed[key] = known_as, renewed
            if now - renewed > self._lease:
                self._drop(key)

    def _drop(self, key: str) -> None:
        known_as, _ = self._renewed.pop(key, (None, 0.0))
        if known_as is not None:
            self._entries.drop(known_as)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class LeasedWatch(Leased[int, Instance]):
    """The instances of one endpoint; their keys are their ids in hex."""

    def __init__(self, lease: float) -> None:
        self.watch = Watch()
        super().__init__(self.watch, lease, _read_instance)


class LeasedModels(Leased[ModelKey, Model]):
    """The models of all workers; ``key_of(model)`` is their key."""

    def __init__(self, lease: float, key_of: Callable[[Model], str]) -> None:
        self.watch = ModelWatch()

        def read(key: str, value: bytes) -> tuple[ModelKey, Model]:
            model = from_json(Model, value)
            if key_of(model) != key:
                raise ValueError("it is of another model than its key")
            return model_key(model), model

        super().__init__(self.watch, lease, read)


def _read_instance(key: str, value: bytes) -> tuple[int, Instance]:
    instance_id = int(key, 16)
    if f"{instance_id:x}" != key:
        raise ValueError("the key is not an instance id in hex")
    instance = from_json(Instance, value)
    if instance.instance_id != instance_id:
        raise ValueError(f"it is of the instance {instance.instance_id:x}, not of its key")
    return instance_id, instance
