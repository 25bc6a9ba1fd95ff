"""The client of nats-py with a reliable ``flush``. Needs nats-py."""

from __future__ import annotations

from nats.aio.client import DEFAULT_FLUSH_TIMEOUT, Client


class OrderedClient(Client):
    """A client for which NATS, when a flush returns, has handled all that was sent before it."""

    async def flush(self, timeout: int = DEFAULT_FLUSH_TIMEOUT) -> None:
        """Return when NATS has handled all that was sent, and its messages until then are here.

        Raises ``nats.errors.Error`` if it cannot. That takes two pings, each may take ``timeout``
        seconds.
        """
        # A ping of nats-py overtakes what waits for the next turn of the event loop to be written,
        # so a drained subscription would be thrown away before NATS has heard UNSUB, with the
        # messages in between. By the answer to one ping all that waited has been written, so a
        # second one comes after it.
        await super().flush(timeout)
        await super().flush(timeout)
