"""A watch whose entries expire unless they are put again."""

from __future__ import annotations

import asyncio

from dynamo.discovery._records import BadEntries, Instance, from_json
from dynamo.discovery._watch import Watch


class LeasedWatch:
    """The entries of one endpoint as they are put, removed and not renewed."""

    def __init__(self, lease: float) -> None:
        """Expire entries that were not put again for ``lease`` seconds."""
        self.watch = Watch()
        self._lease = lease
        self._bad = BadEntries()
        self._renewed: dict[int, float] = {}

    def take(self, key: str, value: bytes | None) -> None:
        """Handle an entry that was put, or removed if ``value`` is None.

        ``key`` is the instance id in hex. An entry that cannot be read, or that is of another
        instance than its key, is logged and ignored.
        """
        try:
            instance_id = _instance_id(key)
            if value is None:
                self._drop(instance_id)
                return
            instance = from_json(Instance, value)
            if instance.instance_id != instance_id:
                raise ValueError(f"it is of the instance {instance.instance_id:x}, not of its key")
        except ValueError as error:
            self._bad.log(key, value, error)
            return
        self.watch.put(instance)
        self._renewed[instance_id] = self._now()

    def renew_all(self) -> None:
        """Restart the lease of every entry."""
        self._renewed = dict.fromkeys(self._renewed, self._now())

    def expire(self, unobserved: float) -> None:
        """Drop entries whose lease is over.

        The last ``unobserved`` seconds do not count: no renewal could be seen in them.
        """
        now = self._now()
        for instance_id, renewed in list(self._renewed.items()):
            renewed += max(0.0, unobserved)
            self._renewed[instance_id] = renewed
            if now - renewed > self._lease:
                self._drop(instance_id)

    def _drop(self, instance_id: int) -> None:
        self._renewed.pop(instance_id, None)
        self.watch.drop(instance_id)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _instance_id(key: str) -> int:
    """Read a key. Raises ``ValueError`` unless it is just as ``instance_key`` writes it."""
    instance_id = int(key, 16)
    if f"{instance_id:x}" != key:
        raise ValueError("the key is not an instance id in hex")
    return instance_id
