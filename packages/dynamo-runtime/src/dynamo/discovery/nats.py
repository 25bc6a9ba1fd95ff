"""Discovery in a key-value bucket of JetStream. Needs nats-py.

| key in the bucket ``dynamo-discovery`` | value, JSON |
|---|---|
| ``instances.<namespace>.<component>.<endpoint>.<instance id>`` | the fields of ``Instance`` |
| ``runtimes.<instance id>`` | the fields of ``Target`` |

Names are written as ``_nats.token`` does, ids in hex. An entry lives for ``LEASE`` seconds and is
put again every ``RENEWAL``: it is gone soon after its process, however that ended. Those who watch
listen to the puts themselves, which works across reconnects and leaders, and let go of an entry
that nobody has put again. Instances are renewed by the event loop that answers their requests,
runtimes by a ``Beacon``.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dynamo._nats import Connection, Subscription, token
from dynamo.discovery._beacon import Beacon
from dynamo.discovery._protocol import Instance, Target, Watch, from_json, to_json

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js.kv import KeyValue

BUCKET = "dynamo-discovery"
LEASE = 7.0
RENEWAL = 2.0
_TICK = 0.5
_PATIENCE = 5.0
"""Seconds that an answer of NATS may take."""
_UNUSED = 10.0
"""Seconds after which NATS removes what a snapshot has left behind."""

_log = logging.getLogger("dynamo.runtime")


class NatsDiscovery:
    """Knows the runtimes that use the same NATS server, or the same cluster of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._entries: dict[str, bytes] = {}
        self._watches: dict[str, _Watched] = {}
        self._watching = asyncio.Lock()
        self._again = asyncio.Event()
        self._complete_at = 0.0
        self._announcing = asyncio.Lock()
        self._beacon: Beacon[NatsDiscovery] | None = None
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._renew()), loop.create_task(self._expire())]
        connection.restored.append(self._on_restored)

    @classmethod
    async def open(cls) -> NatsDiscovery:
        """Connect and make the bucket if there is none.

        Raises ``ValueError`` or ``ImportError`` as the case may be, ``ConnectionError`` if there is
        no server or it has no JetStream.
        """
        connection = await Connection.acquire()
        try:
            await _bucket(connection)
        except BaseException:
            await connection.release()
            raise
        return cls(connection)

    async def register(self, instance: Instance) -> None:
        """Let clients find an instance, until it is unregistered or this process stands still."""
        await self._put(_instance_key(instance), to_json(instance))

    async def unregister(self, instance: Instance) -> None:
        """Let clients find it no more."""
        await self._delete(_instance_key(instance))

    async def announce(self, instance_id: int, target: Target) -> None:
        """Let Prometheus find a runtime, with these labels from now on."""
        async with self._announcing:
            if self._beacon is None:
                self._beacon = await Beacon.start(NatsDiscovery.open)
        key, value = f"runtimes.{instance_id:x}", to_json(target)
        await self._beacon.do(lambda discovery: discovery._put(key, value))

    async def watch(self, namespace: str, component: str, endpoint: str) -> Watch:
        """Return the instances of an endpoint, kept up to date."""
        prefix = _prefix(namespace, component, endpoint)
        async with self._watching:
            if prefix not in self._watches:
                self._watches[prefix] = await self._start_watching(prefix)
        return self._watches[prefix].watch

    async def _start_watching(self, prefix: str) -> _Watched:
        subject = f"$KV.{BUCKET}.{prefix}"
        watched = _Watched()

        async def on_entry(message: Msg) -> None:
            key = message.subject[len(subject) :]
            watched.take(key, None if _is_removal(message) else message.data)

        watched.subscription = await self._connection.subscribe(f"{subject}*", on_entry)
        try:
            entries = await self._snapshot(f"{prefix}*")
        except BaseException:
            await watched.subscription.close()
            raise
        for key, value in entries.items():
            watched.take(key.rpartition(".")[2], value)
        return watched

    async def own_address(self) -> str:
        """Return the address from which this host reaches NATS."""
        url = self._connection.client.connected_url
        loop = asyncio.get_running_loop()
        try:
            way = (url.hostname, url.port or 4222) if url is not None else ("localhost", 4222)
            [(family, kind, *_, address), *_] = await loop.getaddrinfo(*way, type=socket.SOCK_DGRAM)
            # Connecting a datagram socket sends nothing: it only chooses the way there.
            with socket.socket(family, kind) as probe:
                probe.connect(address)
                host = str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
        return f"[{host}]" if ":" in host else host

    async def targets(self) -> list[Target]:
        """Return the status servers there are now.

        Raises ``ConnectionError`` while NATS is away, and for the length of a lease after it has
        come back: a NATS server that was restarted knows nobody until they all have put their
        entries again.
        """
        loop = asyncio.get_running_loop()
        if not self._connection.is_up:
            raise ConnectionError(f"NATS at {self._connection} is away")
        if loop.time() < self._complete_at:
            raise ConnectionError(
                f"NATS at {self._connection} has just come back: within {LEASE:g} s all runtimes "
                "have registered again"
            )
        entries = await self._snapshot("runtimes.*")
        return [target for target in map(_readable, entries.values()) if target is not None]

    async def close(self) -> None:
        """Take back all that was registered here, and let go of NATS."""
        if self._beacon is not None:
            await self._beacon.close()
        self._connection.restored.remove(self._on_restored)
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        for key in list(self._entries):
            await self._delete(key)
        for watched in self._watches.values():
            if watched.subscription is not None:
                await watched.subscription.close()
        await self._connection.release()

    async def _put(self, key: str, value: bytes) -> None:
        import nats.errors

        bucket = await _bucket(self._connection)
        try:
            await bucket.put(key, value)
        except nats.errors.Error as error:
            raise ConnectionError(
                f"JetStream of NATS at {self._connection} did not store {key}: {error}"
            ) from None
        self._entries[key] = value

    async def _delete(self, key: str) -> None:
        self._entries.pop(key, None)
        if not self._connection.is_up:
            return  # nobody renews it: it goes by itself
        import nats.errors

        try:
            await (await _bucket(self._connection)).delete(key)
        except (nats.errors.Error, ConnectionError) as error:
            _log.debug("%s was not deleted, its lease will end: %s", key, error)

    async def _snapshot(self, keys: str) -> dict[str, bytes]:
        import nats.errors

        bucket = await _bucket(self._connection)
        try:
            return await _first_of(
                await bucket.watch(keys, ignore_deletes=True, inactive_threshold=_UNUSED)
            )
        except nats.errors.Error as error:
            raise ConnectionError(
                f"JetStream of NATS at {self._connection} did not tell what there is: {error}"
            ) from None

    def _on_restored(self) -> None:
        self._again.set()
        self._complete_at = asyncio.get_running_loop().time() + LEASE
        for watched in self._watches.values():
            watched.renew_all()

    async def _renew(self) -> None:
        while True:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._again.wait(), RENEWAL)
            self._again.clear()
            if not self._entries or not self._connection.is_up:
                continue
            try:
                # After a restart of the server the bucket may have to be made again.
                bucket = await _bucket(self._connection)
                for key in list(self._entries):
                    if key in self._entries:  # not deleted meanwhile
                        await bucket.put(key, self._entries[key])
            except Exception as error:  # whatever it is: without renewal all is lost
                _log.warning("discovery could not renew its leases, and tries again: %s", error)

    async def _expire(self) -> None:
        now = asyncio.get_running_loop().time
        last = now()
        while True:
            await asyncio.sleep(_TICK)
            # While this loop stood still, or NATS was away, no renewal could be seen.
            missed = now() - last - _TICK if self._connection.is_up else now() - last
            last = now()
            for watched in self._watches.values():
                watched.expire(missed)


@dataclass
class _Watched:
    """What is known of one endpoint."""

    watch: Watch = field(default_factory=Watch)
    subscription: Subscription | None = None
    seen: dict[int, float] = field(default_factory=dict)

    def take(self, key: str, value: bytes | None) -> None:
        """Handle an entry that was put, or removed."""
        try:
            instance_id = int(key, 16)
            if value is None:
                self._drop(instance_id)
            else:
                self.watch.put(from_json(Instance, value))
                self.seen[instance_id] = asyncio.get_running_loop().time()
        except ValueError as error:
            _log.warning("an entry of discovery cannot be read: %s", error)

    def renew_all(self) -> None:
        """Give every entry a whole lease."""
        now = asyncio.get_running_loop().time()
        self.seen = dict.fromkeys(self.seen, now)

    def expire(self, missed: float) -> None:
        """Let go of entries whose lease is over, ``missed`` seconds not counted."""
        now = asyncio.get_running_loop().time()
        for instance_id, seen in list(self.seen.items()):
            seen += max(0.0, missed)
            self.seen[instance_id] = seen
            if now - seen > LEASE:
                self._drop(instance_id)

    def _drop(self, instance_id: int) -> None:
        self.seen.pop(instance_id, None)
        self.watch.drop(instance_id)


async def _bucket(connection: Connection) -> KeyValue:
    """Return the bucket, made now if there is none."""
    import nats.errors
    import nats.js.errors
    from nats.js.api import StorageType

    jetstream = connection.jetstream
    try:
        try:
            return await jetstream.key_value(BUCKET)
        except nats.js.errors.BucketNotFoundError:
            return await jetstream.create_key_value(
                bucket=BUCKET,
                description="Instances and runtimes of Dynamo, each with a lease",
                ttl=LEASE,
                history=1,
                storage=StorageType.MEMORY,
            )
    except (nats.js.errors.ServiceUnavailableError, nats.errors.NoRespondersError):
        raise ConnectionError(
            f"NATS at {connection} has no JetStream, which discovery needs: start it with -js, or "
            "use DYN_DISCOVERY_BACKEND=memory"
        ) from None
    except nats.errors.Error as error:
        raise ConnectionError(
            f"JetStream of NATS at {connection} does not answer: {error}"
        ) from None


def _readable(value: bytes) -> Target | None:
    """Return the target that is stored there; None, and a line in the log, if there is none."""
    try:
        return from_json(Target, value)
    except ValueError as error:
        _log.warning("an entry of discovery cannot be read: %s", error)
        return None


async def _first_of(watcher: Any) -> dict[str, bytes]:
    """Return what a watcher of nats-py finds when it starts, and stop it."""
    entries = {}
    try:
        # None comes after all that there is.
        while (entry := await watcher.updates(timeout=_PATIENCE)) is not None:
            entries[entry.key] = entry.value or b""
    finally:
        await watcher.stop()
    return entries


def _is_removal(message: Msg) -> bool:
    return bool(message.headers and message.headers.get("KV-Operation") in ("DEL", "PURGE"))


def _prefix(namespace: str, component: str, endpoint: str) -> str:
    return "instances." + "".join(f"{token(name)}." for name in (namespace, component, endpoint))


def _instance_key(instance: Instance) -> str:
    prefix = _prefix(instance.namespace, instance.component, instance.endpoint)
    return f"{prefix}{instance.instance_id:x}"
