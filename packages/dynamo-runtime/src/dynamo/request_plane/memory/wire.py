"""What the two ends of a request share: a queue of items, its credits, and whether it is open."""

from __future__ import annotations

from collections.abc import Callable

from dynamo.request_plane._flow import Credits, Inbox
from dynamo.request_plane._protocol import ClientDisconnectedError


class Exchange:
    """One request between a client and a worker of the same event loop."""

    __slots__ = ("__weakref__", "_open", "credits", "disconnected", "inbox", "on_disconnect")

    def __init__(self, open_exchanges: set[Exchange]) -> None:
        self.inbox = Inbox()
        self.credits = Credits()
        self.disconnected = False
        self.on_disconnect: Callable[[], None] | None = None
        self._open = open_exchanges
        open_exchanges.add(self)

    def complete(self) -> None:
        """Note that the answer is complete."""
        self._open.discard(self)

    def disconnect(self) -> None:
        """Disconnect the client, unless the answer is complete."""
        if self in self._open:
            self._open.discard(self)
            self.disconnected = True
            self.credits.close(ClientDisconnectedError)
            if self.on_disconnect is not None:
                self.on_disconnect()
