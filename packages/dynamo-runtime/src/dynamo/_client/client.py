"""The client of one endpoint."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from dynamo._client.annotated import Annotated, with_fields
from dynamo._client.routing import RoundRobin, random_order
from dynamo._client.stream import ResponseStream
from dynamo._network import Network
from dynamo._requests import Context, current_traceparent, encode
from dynamo.discovery import Instance, Watch
from dynamo.request_plane import NoInstancesError, UnavailableError

_WRAPS: dict[bool | None, Callable[[Any], Any] | None] = {
    None: with_fields,
    True: Annotated,
    False: None,
}
NOTICE_AFTER = 5.0
"""Seconds after which ``wait_for_instances`` logs that it still waits."""

_log = logging.getLogger("dynamo.runtime")


async def open_client(path: tuple[str, str, str], network: Network) -> Client:
    """Connect, if the network is not open, and return a client of the endpoint."""
    await network.open()
    return Client("/".join(path), network, await network.discovery.watch(*path))


class Client:
    """Sends requests to the instances of one endpoint, as they come and go.

    Every way to send takes the request, anything that JSON can hold, and returns the answer as an
    async iterator of the values that the handler yielded. These also have the methods of the items
    of Dynamo's own bindings, ``data()`` above all; ``annotated=False`` leaves the methods away,
    ``annotated=True`` gives objects that have nothing else. A request that an instance refuses,
    because it is shutting down, goes to the next one. With ``context`` the request has its id, and
    ends when it is stopped.

    Raises ``NoInstancesError`` if no worker serves the endpoint, ``UnavailableError`` if all
    refuse, another ``RequestError`` if the request is lost, ``TypeError`` or ``ValueError`` if it
    cannot be written as JSON.
    """

    __module__ = "dynamo.runtime"

    def __init__(self, endpoint: str, network: Network, watch: Watch) -> None:
        self._endpoint = endpoint
        self._network = network
        self._watch = watch
        self._round_robin = RoundRobin()

    def instance_ids(self) -> list[int]:
        """Return the ids of the instances that requests may go to now."""
        return [instance.instance_id for instance in self._instances()]

    async def wait_for_change(self) -> list[int]:
        """Wait until ``instance_ids`` changes, and return the new ids."""
        before = self.instance_ids()
        while (ids := self.instance_ids()) == before:
            await self._watch.change()
        return ids

    async def wait_for_instances(self, timeout: float | None = None) -> list[int]:
        """Wait until the endpoint has an instance, and return the ids.

        Logs after 5 seconds which request plane and which discovery it asks. Raises
        ``TimeoutError``, which names them too, if there is none within ``timeout`` seconds.
        """
        begun = monotonic()
        pending_notice = True
        while not (ids := self.instance_ids()):
            waited = monotonic() - begun
            if timeout is not None and waited >= timeout:
                raise TimeoutError(
                    f"no worker serves {self._endpoint} after {timeout:g} s ({self._asked()}): "
                    "start one with the same settings"
                )
            if pending_notice and waited >= NOTICE_AFTER:
                pending_notice = False
                _log.warning(
                    "no worker serves %s after %g s (%s), still waiting",
                    self._endpoint,
                    NOTICE_AFTER,
                    self._asked(),
                )
            limits = [limit for limit in (timeout, NOTICE_AFTER) if limit is not None]
            await self._watch.change(min((x - waited for x in limits if x > waited), default=None))
        return ids

    async def generate(
        self, request: Any, annotated: bool | None = None, context: Context | None = None
    ) -> ResponseStream:
        """Send a request to the next instance, as ``round_robin`` does."""
        return await self.round_robin(request, annotated, context)

    async def round_robin(
        self, request: Any, annotated: bool | None = None, context: Context | None = None
    ) -> ResponseStream:
        """Send a request to the instances in turn."""
        instances = self._round_robin.order(self._instances())
        return await self._send(instances, request, annotated, context)

    async def random(
        self, request: Any, annotated: bool | None = None, context: Context | None = None
    ) -> ResponseStream:
        """Send a request to any of the instances."""
        return await self._send(random_order(self._instances()), request, annotated, context)

    async def direct(
        self,
        request: Any,
        instance_id: int,
        annotated: bool | None = None,
        context: Context | None = None,
    ) -> ResponseStream:
        """Send a request to this instance and no other."""
        instances = [one for one in self._instances() if one.instance_id == instance_id]
        if not instances:
            raise NoInstancesError(
                f"{self._endpoint} has no instance {instance_id} ({self._asked()}): it has "
                f"{self.instance_ids()}; give one of instance_ids(), or wait until it is listed"
            )
        return await self._send(instances, request, annotated, context, only=True)

    def _instances(self) -> list[Instance]:
        """Return the instances that this runtime's request plane leads to."""
        plane, name = self._network.plane, self._network.plane_name
        return [
            instance
            for instance in self._watch.instances.values()
            if instance.plane == name and plane.reaches(instance.address)
        ]

    def _asked(self) -> str:
        """Return what was asked for instances, and which of its answers cannot be reached."""
        other = len(self._watch.instances) - len(self._instances())
        unreachable = f"; {other} on another request plane" if other else ""
        return f"{self._network}{unreachable}"

    async def _send(
        self,
        instances: list[Instance],
        request: Any,
        annotated: bool | None,
        context: Context | None,
        *,
        only: bool = False,
    ) -> ResponseStream:
        """Send a request to the first that takes it: of these alone if ``only``."""
        payload = encode(request)
        context = context or Context(traceparent=current_traceparent())
        plane, request_id = self._network.plane, context.to_wire()
        refusal: UnavailableError | None = None
        tried: set[int] = set()
        while instances:
            for instance in instances:
                tried.add(instance.instance_id)
                try:
                    stream = await plane.call(instance.address, request_id, payload)
                except UnavailableError as error:
                    refusal = error
                else:
                    return ResponseStream(stream, context, _WRAPS[annotated])
            # Others may have come meanwhile, as in a rolling restart.
            now = [] if only else self._instances()
            instances = [one for one in now if one.instance_id not in tried]
        raise refusal or NoInstancesError(
            f"no worker serves {self._endpoint} ({self._asked()}): start one with the same "
            "settings, or wait with wait_for_instances()"
        )

    def __repr__(self) -> str:
        return f"<Client {self._endpoint}>"
