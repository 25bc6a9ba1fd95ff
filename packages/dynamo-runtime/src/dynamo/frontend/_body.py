"""The body of a request: read within a limit, as JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NoReturn

from dynamo.frontend._errors import BadRequestError, TooLargeError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class DisconnectedError(Exception):
    """The client disconnected before its request was complete."""


async def read_object(receive: Receive, limit: int) -> dict[str, Any]:
    """Return the body as an object.

    Raises ``TooLargeError`` beyond ``limit`` bytes, ``BadRequestError`` for what is no JSON object,
    ``DisconnectedError``.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > limit:
            raise TooLargeError(f"the body of a request may have {limit} bytes")
        if not message.get("more_body", False):
            break
    try:
        body = json.loads(b"".join(parts), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the body of the request is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadRequestError("the body of the request must be a JSON object")
    return body


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")
