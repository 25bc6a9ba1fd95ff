"""Bodies of requests that arrive in chunks, and the limits of what a worker holds of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dynamo.request_plane._errors import InvalidRequestError, RequestError, UnavailableError

MAX_INCOMPLETE_REQUESTS = 1024
"""Limit of the requests of a runtime whose bodies have not arrived completely."""
MAX_INCOMPLETE_BYTES = 1 << 30
"""Limit of what has arrived of these bodies, all together: that of one body."""
PROGRESS_TIMEOUT = 60.0
"""Seconds without a chunk, after which an incomplete body is given up."""

Report = Callable[[int, int], None]
"""Called at each change in the number of incomplete bodies and of their bytes."""


class Incomplete:
    """How many bodies of one runtime are incomplete, and what has arrived of them."""

    def __init__(self) -> None:
        self.requests = 0
        self.bytes = 0

    def change(self, requests: int, size: int, report: Report) -> None:
        """Count, within the limits. Raises ``UnavailableError``."""
        if self.requests + requests > MAX_INCOMPLETE_REQUESTS:
            raise UnavailableError(
                f"the worker waits for the bodies of {self.requests} requests: its limit is "
                f"{MAX_INCOMPLETE_REQUESTS}"
            )
        if size > 0 and self.bytes + size > MAX_INCOMPLETE_BYTES:
            raise UnavailableError(
                f"the worker holds {self.bytes} bytes of requests that are incomplete: its limit "
                f"is {MAX_INCOMPLETE_BYTES}"
            )
        self.requests += requests
        self.bytes += size
        report(requests, size)


class Body:
    """The body of one request."""

    def __init__(
        self,
        first: bytes,
        size: int,
        incomplete: Incomplete,
        report: Report,
        on_stalled: Callable[[RequestError], None],
    ) -> None:
        """Begin with the first chunk of ``size`` bytes. Raises ``UnavailableError``.

        ``on_stalled`` is called with the error for the client if ``PROGRESS_TIMEOUT`` passes.
        """
        self._data = first
        self._rest = bytearray()  # not a list: a chunk may have one byte, or none
        self._missing_bytes = size - len(first)
        self._incomplete = incomplete
        self._report = report
        self._counted_bytes: int | None = None
        self._on_stalled = on_stalled
        self._progress = False
        self._timer: asyncio.TimerHandle | None = None
        if self._missing_bytes > 0:
            incomplete.change(1, len(first), report)
            self._counted_bytes = len(first)
            self._watch()

    @property
    def complete(self) -> bool:
        """Whether all of it has arrived."""
        return self._missing_bytes == 0

    @property
    def data(self) -> bytes:
        """What has arrived."""
        if self._rest:
            self._data = b"".join((self._data, self._rest))
            self._rest = bytearray()
        return self._data

    def add(self, chunk: bytes) -> RequestError | None:
        """Take a chunk. Return why the request must end instead, if so."""
        if len(chunk) > self._missing_bytes:
            return InvalidRequestError("the body is longer than the head of the request says")
        try:
            self._incomplete.change(0, len(chunk), self._report)
        except UnavailableError as error:
            return error
        self._counted_bytes = (self._counted_bytes or 0) + len(chunk)
        self._missing_bytes -= len(chunk)
        self._progress = self._progress or bool(chunk)
        self._rest += chunk
        if self.complete:
            self.release()
        return None

    def release(self) -> None:
        """Count it no longer: it is complete, or its request has ended."""
        counted, self._counted_bytes = self._counted_bytes, None
        if self._timer is not None:
            self._timer.cancel()
        if counted is not None:
            self._incomplete.change(-1, -counted, self._report)

    def _watch(self) -> None:
        """Look again after ``PROGRESS_TIMEOUT`` whether a chunk has come."""
        self._timer = asyncio.get_running_loop().call_later(PROGRESS_TIMEOUT, self._check)

    def _check(self) -> None:
        if self._progress:
            self._progress = False
            self._watch()
        else:
            stalled = (
                f"nothing of the body came for {PROGRESS_TIMEOUT:g} s: the request is given up"
            )
            self._on_stalled(InvalidRequestError(stalled))
