"""Answers one kind of request for text, as an ASGI application."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING, Any

from dynamo._requests.trace import is_traceparent
from dynamo.frontend._body import DisconnectedError, Receive, Send, read_object
from dynamo.frontend._dispatch import Item
from dynamo.frontend._errors import ApiError, InternalError, OverloadedError, TruncatedError
from dynamo.frontend._formats import DONE, ChatFormat, CompletionFormat, Format, error_event
from dynamo.frontend._metrics import UNKNOWN
from dynamo.frontend._requests import KINDS, Kind, read
from dynamo.prometheus_names import frontend_perf, frontend_service
from dynamo.runtime import Context

if TYPE_CHECKING:
    from dynamo.frontend._dispatch import Dispatcher
    from dynamo.frontend._metrics import FrontendMetrics, RequestRecord
    from dynamo.frontend._models import Models, ServedModel
    from dynamo.frontend._requests import GenerationRequest

FORMATS: dict[Kind, type[Format]] = {"chat": ChatFormat, "completions": CompletionFormat}
ENDPOINTS: dict[Kind, str] = {"chat": "chat_completions", "completions": "completions"}
"""Values of the label ``endpoint``."""

_REQUEST_ID = re.compile(r"[\w.-]{1,100}", re.ASCII)
_SENDS_IN_A_ROW = 4
"""Sends after which a stream lets the event loop turn, however many items have arrived at once:
other streams go on, and a client that has disconnected is noticed before asyncio logs writes."""
_CANCELLED = frontend_service.error_type.CANCELLED

_log = logging.getLogger("dynamo.frontend")


class Limits:
    """What clients may ask for together."""

    def __init__(self, requests: int, body: int) -> None:
        self.requests = requests
        """Limit of requests in flight; 0 is no limit."""
        self.body = body
        """Bytes of a body."""
        self.under_way = 0


class Generation:
    """Answers requests of one kind, streamed and whole."""

    def __init__(
        self,
        kind: Kind,
        models: Models,
        dispatcher: Dispatcher,
        metrics: FrontendMetrics,
        limits: Limits,
    ) -> None:
        self._kind: Kind = kind
        self._models = models
        self._dispatcher = dispatcher
        self._metrics = metrics
        self._limits = limits
        self._preprocess = metrics.stages[frontend_perf.STAGE_PREPROCESS]

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        arrived = perf_counter()
        context = _context(scope["headers"])
        response = _Response(send, context.id())
        body: dict[str, Any] = {}
        try:
            body = await read_object(receive, self._limits.body)
            request, model = self._accept(body)
        except DisconnectedError:
            return
        except ApiError as error:
            self._reject(body, error)
            await response.fail(error)
            return
        record = self._metrics.begin(
            *(model.name, ENDPOINTS[self._kind], _request_type(request.stream)),
            *(arrived, context.trace_id),
        )
        watching = asyncio.create_task(_watch(receive, context))
        self._limits.under_way += 1
        outcome = _CANCELLED  # unless it comes to an end
        try:
            items = self._dispatcher.items(model, self._kind, request.payload(), context, record)
            form = FORMATS[self._kind](context.id(), model.name, usage=request.include_usage)
            async with aclosing(items):
                if request.stream:
                    await _stream(
                        response, items, form, record, context, usage=request.include_usage
                    )
                else:
                    await _answer(response, items, form, record, context)
            outcome = frontend_service.error_type.NONE
        except _StoppedError:
            pass
        except ApiError as error:
            outcome = error.error_type
            await response.fail(error)
        except Exception as error:
            _log.error("a request failed in the frontend", exc_info=error)
            outcome = InternalError.error_type
            await response.fail(InternalError("the frontend failed: its log says why"))
        finally:
            self._limits.under_way -= 1
            watching.cancel()
            if context.is_stopped() and outcome == _CANCELLED:
                record.disconnected()
            record.end(outcome)

    def _accept(self, body: dict[str, Any]) -> tuple[GenerationRequest, ServedModel]:
        begun = self._preprocess.enter()
        try:
            request = read(KINDS[self._kind], body)
            model = self._models.find(request.model, self._kind)
        finally:
            self._preprocess.leave(begun)
        if 0 < self._limits.requests <= self._limits.under_way:
            raise OverloadedError(
                f"{self._limits.requests} requests are in flight, the limit: try again later"
            )
        return request, model

    def _reject(self, body: dict[str, Any], error: ApiError) -> None:
        name = body.get("model")
        known = any(model.name == name for model in self._models.served)
        self._metrics.rejected(
            str(name) if known else UNKNOWN,
            ENDPOINTS[self._kind],
            _request_type(body.get("stream") is True),
            error.error_type,
        )


class _StoppedError(Exception):
    """The client has disconnected."""


class _Response:
    """What is sent to one client."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._headers = [(b"x-request-id", request_id.encode())]
        self._started = False
        self._sent = 0

    async def whole(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        """Send a body as JSON."""
        content = json.dumps(body, separators=(",", ":")).encode()
        await self._start(
            status,
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
            *((name.encode(), value.encode()) for name, value in (headers or {}).items()),
        )
        await self._send({"type": "http.response.body", "body": content})

    async def events(self, events: bytes, *, last: bool = False) -> None:
        """Send events of a stream; the first ones start it."""
        if not self._started:
            await self._start(
                200,
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-cache"),
                (b"x-accel-buffering", b"no"),
            )
        await self._send({"type": "http.response.body", "body": events, "more_body": not last})
        self._sent += 1
        if self._sent % _SENDS_IN_A_ROW == 0:
            await asyncio.sleep(0)

    async def fail(self, error: ApiError) -> None:
        """Send an error: as the answer, or as the last event of a stream that has begun."""
        if self._started:
            await self.events(error_event(error.body()), last=True)
        else:
            await self.whole(error.status, error.body(), error.headers)

    async def _start(self, status: int, *headers: tuple[bytes, bytes]) -> None:
        self._started = True
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, *self._headers],
            }
        )


async def _stream(
    response: _Response,
    items: AsyncIterator[Item],
    form: Format,
    record: RequestRecord,
    context: Context,
    *,
    usage: bool,
) -> None:
    """Send an answer as it comes. It starts with the first item: before that it may fail."""
    pending = form.start()
    reason = None
    async for text, given in items:
        reason = given or reason
        if text:
            await response.events(pending + form.text(text))
            pending = b""
    end = pending + form.finish(_checked(reason, context))
    if usage:
        end += form.usage(record)
    await response.events(end + DONE, last=True)


async def _answer(
    response: _Response,
    items: AsyncIterator[Item],
    form: Format,
    record: RequestRecord,
    context: Context,
) -> None:
    """Send an answer when it is complete."""
    texts: list[str] = []
    reason = None
    async for text, given in items:
        texts.append(text)
        reason = given or reason
    await response.whole(200, form.complete("".join(texts), _checked(reason, context), record))


def _checked(reason: str | None, context: Context) -> str:
    """Return the reason why an answer has ended, or raise what says that it has not."""
    if reason is not None:
        return reason
    if context.is_stopped():
        raise _StoppedError
    raise TruncatedError("the answer is not complete: the worker ended it without a finish reason")


async def _watch(receive: Receive, context: Context) -> None:
    """Stop the request when its client disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass
    context.stop_generating()


def _context(headers: list[tuple[bytes, bytes]]) -> Context:
    """Return the context of a request: its id and its trace are the client's, if it has any."""
    request_id = traceparent = ""
    for name, value in headers:
        if name == b"x-request-id":
            request_id = value.decode("latin-1")
        elif name == b"traceparent":
            traceparent = value.decode("latin-1")
    return Context(
        request_id if _REQUEST_ID.fullmatch(request_id) else uuid.uuid4().hex,
        traceparent=traceparent if is_traceparent(traceparent) else None,
    )


def _request_type(stream: bool) -> str:
    kinds = frontend_service.request_type
    return kinds.STREAM if stream else kinds.UNARY
