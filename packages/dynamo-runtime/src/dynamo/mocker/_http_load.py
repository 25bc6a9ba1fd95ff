"""Sends the load through the HTTP API of a frontend."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from dynamo.mocker._load import Arrival
from dynamo.mocker._model import text_of

_READY_INTERVAL = 0.1
"""Seconds between two questions whether the frontend is ready."""
_WHOLE = 5
"""Each request of this number asks for a completion that comes whole, the others stream a chat."""

_log = logging.getLogger("dynamo.mocker")


class FrontendSender:
    """Sends chats and completions, each on a connection of its own."""

    def __init__(self, url: str) -> None:
        """``url`` is ``http://host:port``."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._numbers = itertools.count(1)

    async def ready(self) -> None:
        """Wait until the frontend has a model."""
        while True:
            with suppress(OSError):
                if await self._exchange("GET", "/health", b"", first_only=True):
                    return
            await asyncio.sleep(_READY_INTERVAL)

    async def send(self, arrival: Arrival) -> None:
        """Send a request, and read its answer."""
        path, body = self._request(arrival)
        content = json.dumps(body).encode()
        try:
            if not await self._exchange("POST", path, content, first_only=arrival.disconnects):
                _log.debug("the frontend has refused a request")
        except OSError as error:
            _log.debug("a request failed: %s", error)

    def _request(self, arrival: Arrival) -> tuple[str, dict[str, Any]]:
        asked = arrival.request
        common = {"model": asked["model"], "max_tokens": asked["max_tokens"]}
        if next(self._numbers) % _WHOLE == 0:
            return "/v1/completions", {**common, "prompt": asked["token_ids"]}
        messages = [{"role": "user", "content": text_of(asked["token_ids"])}]
        return "/v1/chat/completions", {**common, "messages": messages, "stream": True}

    async def _exchange(self, method: str, path: str, content: bytes, *, first_only: bool) -> bool:
        """Return whether the answer is 200, read to its end or as far as its first part."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            head = (
                f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
                f"Connection: close\r\nContent-Length: {len(content)}\r\n\r\n"
            )
            writer.write(head.encode() + content)
            status = await reader.readline()
            while await reader.read(1 << 16) and not first_only:
                pass
            return status.startswith(b"HTTP/1.1 200 ")
        finally:
            writer.close()
