"""Sending requests to an endpoint."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from dynamo.discovery import Instance, Watch
from dynamo.request_plane import NoInstancesError, Stream, UnavailableError
from dynamo.runtime import _json
from dynamo.runtime._annotated import Annotated
from dynamo.runtime._context import Context
from dynamo.runtime._network import Network

if TYPE_CHECKING:
    from dynamo.runtime._nodes import Endpoint


async def open_client(endpoint: Endpoint) -> Client:
    """Connect the endpoint's runtime, if it is not, and return a client of the endpoint."""
    network = Network.of(endpoint._shared)
    await network.open()
    watch = await network.discovery.watch(*endpoint._path)
    return Client("/".join(endpoint._path), network, watch)


class Client:
    """Sends requests to the instances of one endpoint, as they come and go.

    Every way to send takes the request, anything that JSON can hold, and returns the answer as an
    async iterator of the values that the handler yielded: ``Annotated`` ones with
    ``annotated=True``, as Dynamo's own bindings give them. A request that an instance refuses,
    because it is shutting down, goes to the next one. With ``context`` the request has its id, and
    ends when it is stopped.

    Raises ``NoInstancesError`` if nobody serves the endpoint, ``UnavailableError`` if all refuse,
    another ``RequestError`` if the request is lost on its way, ``TypeError`` or ``ValueError`` if
    it cannot be written as JSON.
    """

    __module__ = "dynamo.runtime"

    def __init__(self, where: str, network: Network, watch: Watch) -> None:
        self._where = where
        self._network = network
        self._watch = watch
        self._turns = itertools.count()

    def instance_ids(self) -> list[int]:
        """Return the ids of the instances there are now."""
        return [instance.instance_id for instance in self._instances()]

    async def wait_for_instances(self) -> list[int]:
        """Wait until somebody serves the endpoint; returns the instances' ids."""
        while not (ids := self.instance_ids()):
            await self._watch.change()
        return ids

    async def generate(
        self, request: Any, annotated: bool = False, context: Context | None = None
    ) -> ResponseStream:
        """Send a request to the next instance, as ``round_robin`` does."""
        return await self.round_robin(request, annotated, context)

    async def round_robin(
        self, request: Any, annotated: bool = False, context: Context | None = None
    ) -> ResponseStream:
        """Send a request to the instances in turn."""
        instances = self._instances()
        turn = next(self._turns) % max(1, len(instances))
        return await self._send([*instances[turn:], *instances[:turn]], request, annotated, context)

    async def random(
        self, request: Any, annotated: bool = False, context: Context | None = None
    ) -> ResponseStream:
        """Send a request to any of the instances."""
        instances = self._instances()
        random.shuffle(instances)
        return await self._send(instances, request, annotated, context)

    async def direct(
        self,
        request: Any,
        instance_id: int,
        annotated: bool = False,
        context: Context | None = None,
    ) -> ResponseStream:
        """Send a request to this instance and no other."""
        instances = [one for one in self._instances() if one.instance_id == instance_id]
        if not instances:
            raise NoInstancesError(
                f"{self._where} has no instance {instance_id}: it has {self.instance_ids()}"
            )
        return await self._send(instances, request, annotated, context)

    def _instances(self) -> list[Instance]:
        """Return the instances that this runtime's request plane leads to."""
        plane, name = self._network.plane, self._network.plane_name
        return [
            instance
            for instance in self._watch.instances.values()
            if instance.plane == name and plane.reaches(instance.address)
        ]

    async def _send(
        self,
        instances: Iterable[Instance],
        request: Any,
        annotated: bool,
        context: Context | None,
    ) -> ResponseStream:
        payload = _json.encode(request)
        context = context or Context()
        refusal: UnavailableError | None = None
        for instance in instances:
            try:
                stream = await self._network.plane.call(instance.address, context.id(), payload)
            except UnavailableError as error:
                refusal = error
            else:
                return ResponseStream(stream, context, Annotated if annotated else None)
        raise refusal or NoInstancesError(
            f"nobody serves {self._where}: start a worker, or let wait_for_instances() wait for one"
        )

    def __repr__(self) -> str:
        return f"<Client {self._where}>"


class ResponseStream:
    """The answer to a request, as it arrives. Raises the ``RequestError`` that it ends with.

    Leaving it behind, by ``aclose()``, by a cancelled task or by dropping it, stops the handler.
    """

    __module__ = "dynamo.runtime"
    __slots__ = ("__weakref__", "_context", "_open", "_stream", "_wrap")

    def __init__(self, stream: Stream, context: Context, wrap: Callable[[Any], Any] | None) -> None:
        self._stream = stream
        self._context = context
        self._wrap = wrap
        self._open = True
        context.add_listener(stream.cancel)

    def __aiter__(self) -> ResponseStream:
        return self

    async def __anext__(self) -> Any:
        if not self._open:
            raise StopAsyncIteration
        try:
            data = await self._stream.receive()
        except asyncio.CancelledError:
            self._leave()
            raise
        except Exception:
            self._end()
            raise
        if data is None:
            self._end()
            raise StopAsyncIteration
        item = _json.decode(data)
        return item if self._wrap is None else self._wrap(item)

    async def aclose(self) -> None:
        """Want no more of the answer."""
        self._leave()

    def _leave(self) -> None:
        if self._open:
            self._end()
            self._stream.cancel()

    def _end(self) -> None:
        self._open = False
        self._context.remove_listener(self._stream.cancel)

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self._leave()
