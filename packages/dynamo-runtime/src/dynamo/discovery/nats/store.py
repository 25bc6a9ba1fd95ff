"""The key-value bucket and the keys in it."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from dynamo._nats import Connection, token
from dynamo._settings import DISCOVERY_LEASE
from dynamo.discovery._records import Instance, Model

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js.kv import KeyValue

BUCKET = "dynamo-discovery"
RUNTIMES = "runtimes"
"""The first part of the keys of ``Target``."""
MODELS = "models"
"""The first part of the keys of ``Model``."""
_ANSWER_TIMEOUT = 5.0
"""Seconds that NATS may take to answer."""
_SNAPSHOT_ATTEMPTS = 3
"""Attempts at a snapshot that is empty although the bucket is not."""
_CONSUMER_TIMEOUT = 10.0
"""Seconds after which NATS removes the consumer of a snapshot that was not finished."""

_log = logging.getLogger("dynamo.runtime")


class Store:
    """Reads and writes entries; the bucket is made when it is missing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.lease = DISCOVERY_LEASE.read()
        """Seconds after which JetStream removes an entry that was not put again."""

    async def open(self) -> None:
        """Take the lease of the bucket, which another process may have made.

        Raises ``ConnectionError``.
        """
        import nats.errors

        bucket = await self.bucket()
        try:
            status = await self._connection.call(bucket.status)
        except nats.errors.Error as error:
            raise self._silent(error) from None
        self.lease = status.ttl or self.lease

    async def put(self, key: str, value: bytes) -> None:
        """Store an entry. Raises ``ConnectionError``."""
        import nats.errors

        bucket = await self.bucket()
        try:
            await self._connection.call(lambda: bucket.put(key, value))
        except nats.errors.Error as error:
            raise ConnectionError(
                f"JetStream of NATS at {self._connection} did not store {key}: {error}"
            ) from None

    async def delete(self, key: str) -> None:
        """Remove an entry. If that fails, its lease ends."""
        if not self._connection.is_up:
            return
        import nats.errors

        try:
            bucket = await self.bucket()
            await self._connection.call(lambda: bucket.delete(key))
        except (nats.errors.Error, ConnectionError) as error:
            _log.debug("%s was not deleted and expires with its lease: %s", key, error)

    async def snapshot(self, keys: str) -> dict[str, bytes]:
        """Return the entries whose keys match. Raises ``ConnectionError``."""
        import nats.errors

        bucket = await self.bucket()
        entries: dict[str, bytes] = {}
        try:
            for _ in range(_SNAPSHOT_ATTEMPTS):
                entries = await self._connection.call(lambda: _initial_entries(bucket, keys))
                # A watcher of nats-py sometimes ends before entries that were sent have arrived.
                # Then it has none at all.
                if entries or not await self._has(keys):
                    break
            return entries
        except nats.errors.Error as error:
            raise ConnectionError(
                f"JetStream of NATS at {self._connection} did not list its entries: {error}"
            ) from None

    async def _has(self, keys: str) -> bool:
        """Whether the bucket has entries, or marks of removed ones, whose keys match."""
        subjects = put_subject(keys)
        jetstream = self._connection.jetstream
        info = await self._connection.call(lambda: jetstream.stream_info(f"KV_{BUCKET}", subjects))
        return bool(info.state.subjects)

    async def bucket(self) -> KeyValue:
        """Return the bucket, made now if there is none.

        Raises ``ConnectionError``, also for a server without JetStream.
        """
        import nats.errors
        import nats.js.errors
        from nats.js.api import StorageType

        jetstream = self._connection.jetstream
        create = functools.partial(
            jetstream.create_key_value,
            bucket=BUCKET,
            description="Instances and runtimes of Dynamo, each with a lease",
            ttl=self.lease,
            history=1,
            storage=StorageType.MEMORY,
        )
        try:
            try:
                return await self._connection.call(lambda: jetstream.key_value(BUCKET))
            except nats.js.errors.BucketNotFoundError:
                return await self._connection.call(create)
        except (nats.js.errors.ServiceUnavailableError, nats.errors.NoRespondersError):
            raise ConnectionError(
                f"NATS at {self._connection} has no JetStream, which discovery needs: start it "
                "with -js, or use DYN_DISCOVERY_BACKEND=memory"
            ) from None
        except nats.errors.Error as error:
            raise self._silent(error) from None

    def _silent(self, error: Exception) -> ConnectionError:
        return ConnectionError(f"JetStream of NATS at {self._connection} does not answer: {error}")


def endpoint_prefix(namespace: str, component: str, endpoint: str) -> str:
    """Return what the keys of an endpoint's instances begin with."""
    return "instances." + "".join(f"{token(name)}." for name in (namespace, component, endpoint))


def instance_key(instance: Instance) -> str:
    """Return the key of an instance."""
    prefix = endpoint_prefix(instance.namespace, instance.component, instance.endpoint)
    return f"{prefix}{instance.instance_id:x}"


def model_key(model: Model) -> str:
    """Return the key of a model."""
    parts = "".join(f"{token(name)}." for name in (model.name, *model.path))
    return f"{MODELS}.{parts}{model.instance_id:x}"


def runtime_key(instance_id: int) -> str:
    """Return the key of a runtime."""
    return f"{RUNTIMES}.{instance_id:x}"


def put_subject(key: str) -> str:
    """Return the subject on which NATS publishes the puts of a key."""
    return f"$KV.{BUCKET}.{key}"


def put_value(message: Msg) -> bytes | None:
    """Return the value that was put, None if the entry was removed."""
    removed = message.headers and message.headers.get("KV-Operation") in ("DEL", "PURGE")
    return None if removed else message.data


async def _initial_entries(bucket: KeyValue, keys: str) -> dict[str, bytes]:
    """Return what a watcher of nats-py finds when it starts, and stop it."""
    watcher: Any = await bucket.watch(
        keys, ignore_deletes=True, inactive_threshold=_CONSUMER_TIMEOUT
    )
    entries = {}
    try:
        # None comes after all entries.
        while (entry := await watcher.updates(timeout=_ANSWER_TIMEOUT)) is not None:
            entries[entry.key] = entry.value or b""
    finally:
        await watcher.stop()
    return entries
