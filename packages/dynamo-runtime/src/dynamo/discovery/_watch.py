"""The instances of an endpoint, kept up to date."""

from __future__ import annotations

import asyncio

from dynamo import _tasks
from dynamo.discovery._records import Instance


class Watch:
    """The instances of one endpoint as they come and go."""

    def __init__(self) -> None:
        self._instances: dict[int, Instance] = {}
        self._changed = asyncio.Event()

    @property
    def instances(self) -> dict[int, Instance]:
        """The instances now, by id, in the order in which they came."""
        return self._instances

    async def change(self, timeout: float | None = None) -> bool:
        """Wait until an instance comes or goes, and return True.

        Returns False if none has within ``timeout`` seconds.
        """
        if timeout is None:
            return await self._changed.wait()
        return await _tasks.happens(self._changed, timeout)

    def put(self, instance: Instance) -> None:
        """Add an instance, or replace the one with its id."""
        if self._instances.get(instance.instance_id) != instance:
            self._instances[instance.instance_id] = instance
            self._wake()

    def drop(self, instance_id: int) -> None:
        """Remove an instance."""
        if self._instances.pop(instance_id, None) is not None:
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
