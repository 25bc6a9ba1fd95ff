"""A watch whose entries expire unless they are put again."""

from __future__ import annotations

import asyncio
import logging

from dynamo.discovery._records import Instance, from_json
from dynamo.discovery._watch import Watch

_log = logging.getLogger("dynamo.runtime")


class LeasedWatch:
    """The entries of one endpoint as they are put, removed and not renewed."""

    def __init__(self, lease: float) -> None:
        """Expire entries that were not put again for ``lease`` seconds."""
        self.watch = Watch()
        self._lease = lease
        self._renewed: dict[int, float] = {}

    def take(self, key: str, value: bytes | None) -> None:
        """Handle an entry that was put, or removed if ``value`` is None.

        ``key`` is the instance id in hex. An entry that cannot be read is logged and ignored.
        """
        try:
            instance_id = int(key, 16)
            if value is None:
                self._drop(instance_id)
            else:
                self.watch.put(from_json(Instance, value))
                self._renewed[instance_id] = self._now()
        except ValueError as error:
            _log.warning("an entry of discovery cannot be read: %s", error)

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
