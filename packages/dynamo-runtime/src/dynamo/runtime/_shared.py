"""What the nodes of one runtime share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynamo.runtime._token import CancellationToken
from dynamo_metrics._nodes import shut_down

if TYPE_CHECKING:
    import asyncio

    from dynamo._network import Network
    from dynamo_metrics import _native


class Shared:
    """The status server of a runtime, and its network once an endpoint is served or called."""

    __slots__ = ("_id", "_native", "_network", "_shutting_down", "event_loop", "token")

    def __init__(
        self, native: _native.Node, event_loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.event_loop = event_loop
        """The event loop that the runtime was made with."""
        self.token = CancellationToken()
        self._id: tuple[int, int] | None = None
        self._native = native
        self._network: Network | None = None
        self._shutting_down = False

    @property
    def instance_id(self) -> int:
        """The id of this runtime, 1 to 2**63 - 1. In a forked child it is another one."""
        import os
        import secrets

        pid = os.getpid()
        if self._id is None or self._id[0] != pid:
            self._id = pid, 1 + secrets.randbelow(2**63 - 1)
        return self._id[1]

    def network(self) -> Network:
        """Return the network of the running event loop, made now if there is none.

        Raises ``ValueError`` for a bad setting, ``RuntimeError`` if another event loop has it.
        """
        import asyncio

        from dynamo._network import Network

        network = self._network
        if network is None or network.loop.is_closed():
            network = self._network = Network(self._native, self.instance_id)
            network.drain.on_start.append(self.token.cancel)
        elif network.loop is not asyncio.get_running_loop():
            raise RuntimeError(
                "this runtime serves or calls endpoints in another event loop: make a "
                "DistributedRuntime for each loop"
            )
        return network

    def shutdown(self) -> None:
        """Stop the status server: at once, or after the drain of the endpoints served now."""
        self.token.cancel()
        network = self._network
        if network is None or not network.drain.is_serving or not network.loop.is_running():
            shut_down(self._native)
        elif not self._shutting_down:
            self._shutting_down = True
            network.loop.call_soon_threadsafe(network.drain.start)

    def on_endpoint_stopped(self) -> None:
        """Finish a shutdown that waits for the last endpoint to stop."""
        network = self._network
        if self._shutting_down and network is not None and not network.drain.is_serving:
            shut_down(self._native)

    async def close(self) -> None:
        """Cancel the requests in flight, disconnect, and stop the status server."""
        self.token.cancel()
        network = self._network
        try:
            if network is not None:
                await network.drain.stop()
                if self._network is network:
                    self._network = None
                await network.close()
        finally:
            shut_down(self._native)
