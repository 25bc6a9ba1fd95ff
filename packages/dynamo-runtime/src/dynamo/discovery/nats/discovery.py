"""Registers, renews and watches entries of the bucket."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

from dynamo import _tasks
from dynamo._nats import Connection, Subscription
from dynamo.discovery._lease_thread import LeaseThread
from dynamo.discovery._leases import Leased, LeasedModels, LeasedWatch
from dynamo.discovery._records import BadEntries, Instance, Model, Target, from_json, to_json
from dynamo.discovery._watch import ModelWatch, Watch
from dynamo.discovery.nats import store as keys
from dynamo.discovery.nats.store import Store

if TYPE_CHECKING:
    from nats.aio.msg import Msg

RENEWALS = 3.5
"""Puts of an entry in the time of its lease."""
_EXPIRY_INTERVAL = 0.5
"""Seconds between two looks for expired entries, at most."""

_log = logging.getLogger("dynamo.runtime")


class NatsDiscovery:
    """Knows the runtimes that use the same NATS server or cluster."""

    def __init__(self, connection: Connection, store: Store) -> None:
        self._connection = connection
        self._store = store
        self._entries: dict[str, bytes] = {}
        self._watches: dict[str, LeasedWatch] = {}
        self._models: LeasedModels | None = None
        self._subscriptions: list[Subscription] = []
        self._watching = asyncio.Lock()
        self._renew_now = asyncio.Event()
        self._complete_at = 0.0
        self._announcing = asyncio.Lock()
        self._bad = BadEntries()
        self._lease_thread: LeaseThread[NatsDiscovery] | None = None
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._renew()), loop.create_task(self._expire())]
        connection.on_restored.append(self._on_restored)

    @classmethod
    async def open(cls) -> NatsDiscovery:
        """Connect, and make the bucket if there is none.

        Raises ``ValueError`` or ``ImportError`` as ``Connection`` does, ``ConnectionError`` if no
        server can be reached or it has no JetStream.
        """
        connection = await Connection.acquire()
        try:
            store = Store(connection)
            await connection.again(store.open)
        except BaseException:
            await connection.release()
            raise
        return cls(connection, store)

    async def register(self, instance: Instance) -> None:
        """Let clients find an instance, for as long as this event loop renews it."""
        await self._put(keys.instance_key(instance), to_json(instance))

    async def unregister(self, instance: Instance) -> None:
        """Remove an instance: clients no longer find it."""
        await self._delete(keys.instance_key(instance))

    async def register_model(self, model: Model) -> None:
        """Let frontends find a model, for as long as this event loop renews it."""
        await self._put(keys.model_key(model), to_json(model))

    async def announce(self, instance_id: int, target: Target) -> None:
        """Let Prometheus find a runtime, with these labels from now on."""
        async with self._announcing:
            if self._lease_thread is None:
                self._lease_thread = await LeaseThread.start(NatsDiscovery.open)
        key, value = keys.runtime_key(instance_id), to_json(target)
        await self._lease_thread.run(lambda discovery: discovery._put(key, value))

    async def watch(self, namespace: str, component: str, endpoint: str) -> Watch:
        """Return the instances of an endpoint, kept up to date."""
        prefix = keys.endpoint_prefix(namespace, component, endpoint)
        async with self._watching:
            if prefix not in self._watches:
                leased = LeasedWatch(self._store.lease)
                await self._follow(f"{prefix}*", len(prefix), leased)
                self._watches[prefix] = leased
        return self._watches[prefix].watch

    async def watch_models(self) -> ModelWatch:
        """Return the models of all workers, kept up to date."""
        async with self._watching:
            if self._models is None:
                leased = LeasedModels(self._store.lease, keys.model_key)
                await self._follow(f"{keys.MODELS}.>", 0, leased)
                self._models = leased
        return self._models.watch

    async def _follow(self, pattern: str, prefix: int, leased: Leased[Any, Any]) -> None:
        """Have ``leased`` take the entries whose keys match, without ``prefix`` characters."""
        skipped = len(keys.put_subject("")) + prefix

        async def on_put(message: Msg) -> None:
            leased.take(message.subject[skipped:], keys.put_value(message))

        subscription = await self._connection.subscribe(keys.put_subject(pattern), on_put)
        try:
            entries = await self._connection.again(lambda: self._store.snapshot(pattern))
        except BaseException:
            await subscription.close()
            raise
        self._subscriptions.append(subscription)
        for key, value in entries.items():
            leased.take(key[prefix:], value)

    async def own_address(self) -> str:
        """Return the address from which this host reaches NATS."""
        url = self._connection.client.connected_url
        loop = asyncio.get_running_loop()
        try:
            peer = (url.hostname, url.port or 4222) if url is not None else ("localhost", 4222)
            [(family, kind, *_, address), *_] = await loop.getaddrinfo(
                *peer, type=socket.SOCK_DGRAM
            )
            # Connecting a datagram socket sends nothing: it only chooses the local address.
            with socket.socket(family, kind) as probe:
                probe.connect(address)
                host = str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
        return f"[{host}]" if ":" in host else host

    async def targets(self) -> list[Target]:
        """Return the status servers now.

        Raises ``ConnectionError`` while NATS is unreachable, and for the length of a lease after a
        reconnect: a NATS server that was restarted has no entries until all runtimes have put
        theirs again.
        """
        if not self._connection.is_up:
            raise ConnectionError(f"NATS at {self._connection} is not connected")
        if asyncio.get_running_loop().time() < self._complete_at:
            lease = f"{self._store.lease:g} s"
            raise ConnectionError(
                f"NATS at {self._connection} was reconnected just now: within {lease} all runtimes "
                "have registered again"
            )
        entries = await self._store.snapshot(f"{keys.RUNTIMES}.*")
        targets = (self._target(key, value) for key, value in entries.items())
        return [target for target in targets if target is not None]

    def _target(self, key: str, value: bytes) -> Target | None:
        """Return the target that is stored there; None, and a line in the log, if it is bad."""
        try:
            target = from_json(Target, value)
            if key != f"{keys.RUNTIMES}.{target.labels['instance']}":
                raise ValueError("it is of another instance than its key")
        except ValueError as error:
            self._bad.log(key, value, error)
            return None
        return target

    async def close(self) -> None:
        """Remove what was registered here, and release the connection."""
        self._connection.on_restored.remove(self._on_restored)
        closing = []
        if self._lease_thread is not None:
            closing.append(asyncio.get_running_loop().create_task(self._lease_thread.close()))
        try:
            await _tasks.end(self._tasks)
            if self._entries and await self._connection.answers():
                for key in list(self._entries):
                    await self._delete(key)
            for subscription in self._subscriptions:
                await subscription.close()
        finally:
            await self._connection.release()
            try:
                if closing:
                    await asyncio.wait(closing)
            finally:
                for task in closing:
                    task.cancel()  # the thread itself goes on to its end

    async def _put(self, key: str, value: bytes) -> None:
        await self._connection.again(lambda: self._store.put(key, value))
        self._entries[key] = value

    async def _delete(self, key: str) -> None:
        self._entries.pop(key, None)
        await self._store.delete(key)

    def _on_restored(self) -> None:
        self._renew_now.set()
        self._complete_at = asyncio.get_running_loop().time() + self._store.lease
        for leased in self._leased():
            leased.renew_all()

    async def _renew(self) -> None:
        while True:
            await _tasks.happens(self._renew_now, self._store.lease / RENEWALS)
            self._renew_now.clear()
            if not self._entries or not self._connection.is_up:
                continue
            try:
                for key in list(self._entries):
                    if key in self._entries:  # not deleted meanwhile
                        # After a restart of the server the bucket may have to be made again.
                        await self._store.put(key, self._entries[key])
            except Exception as error:  # of any kind: renewal must go on
                _log.warning("discovery could not renew its leases, retrying: %s", error)

    async def _expire(self) -> None:
        now = asyncio.get_running_loop().time
        last = now()
        interval = min(_EXPIRY_INTERVAL, self._store.lease / RENEWALS)
        while True:
            await asyncio.sleep(interval)
            # While this loop was blocked, or NATS unreachable, no renewal could be seen.
            elapsed = now() - last
            last = now()
            unobserved = elapsed - interval if self._connection.is_up else elapsed
            for leased in self._leased():
                leased.expire(unobserved)

    def _leased(self) -> list[Leased[Any, Any]]:
        models = [] if self._models is None else [self._models]
        return [*self._watches.values(), *models]
