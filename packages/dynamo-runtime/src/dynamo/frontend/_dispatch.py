"""Sends a request to a worker, and to the next one as long as nothing has come back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, NamedTuple

from dynamo.frontend._errors import ApiError, BackendError, UnavailableError, from_worker
from dynamo.prometheus_names import frontend_perf
from dynamo.runtime import ConnectionLostError, NoInstancesError, RequestError
from dynamo.runtime import UnavailableError as RefusedError

if TYPE_CHECKING:
    from dynamo.frontend._metrics import FrontendMetrics, RequestRecord
    from dynamo.frontend._models import ServedModel
    from dynamo.frontend._requests import Kind
    from dynamo.frontend._workers import Worker, WorkerMetrics
    from dynamo.runtime import Context, ResponseStream

_ANOTHER = (NoInstancesError, RefusedError, ConnectionLostError)
"""Errors after which another worker may answer, if this one has sent nothing."""
_FAILED = ("abort", "error")
"""Reasons with which an engine ends an answer that it could not complete."""


class Item(NamedTuple):
    """Something of the answer."""

    text: str
    finish_reason: str | None


class Dispatcher:
    """Chooses workers, and reads their answers."""

    def __init__(self, metrics: FrontendMetrics, workers: WorkerMetrics) -> None:
        self._route = metrics.stages[frontend_perf.STAGE_ROUTE]
        self._dispatch = metrics.stages[frontend_perf.STAGE_DISPATCH]
        self._routed = metrics.routed
        self._workers = workers

    async def items(
        self,
        model: ServedModel,
        kind: Kind,
        payload: dict[str, Any],
        context: Context,
        record: RequestRecord,
    ) -> AsyncGenerator[Item, None]:
        """Yield the answer of a worker, as it comes; ends early if ``context`` is stopped.

        A worker that refuses, or is lost before its first item, is followed by the next one, each
        of them once. Raises ``ApiError``.
        """
        begun = self._route.enter()
        workers = model.order(kind)
        self._routed(self._route.leave(begun))
        failure: RequestError | None = None
        for worker in workers:
            if context.is_stopped():
                return
            if failure is not None:
                record.moved()
            answered = False
            worker.requests.add(record)
            try:
                stream = await self._send(worker, payload, context)
                try:
                    async for received in stream:
                        if not answered:
                            answered = True
                            _note_usage(received, record)
                        yield _read(received, record)
                finally:
                    await stream.aclose()
            except _ANOTHER as error:
                if answered:
                    raise from_worker(error, begun=True) from None
                failure = error
            except RequestError as error:
                raise from_worker(error, begun=answered) from None
            else:
                return
            finally:
                worker.requests.discard(record)
                self._workers.answered(worker, record)
        raise _unanswered(model, failure)

    async def _send(
        self, worker: Worker, payload: dict[str, Any], context: Context
    ) -> ResponseStream:
        begun = self._dispatch.enter()
        try:
            return await worker.client.direct(
                payload, worker.instance_id, annotated=False, context=context
            )
        finally:
            self._dispatch.leave(begun)


def _unanswered(model: ServedModel, failure: RequestError | None) -> ApiError:
    if failure is not None:
        return from_worker(failure, begun=False)
    return UnavailableError(f"the model {model.name!r} has no worker now: try again")


def _note_usage(received: Any, record: RequestRecord) -> None:
    """Observe what the first item of an answer says of the prompt, if it says anything."""
    usage = received.get("usage") if isinstance(received, dict) else None
    if isinstance(usage, dict):
        numbers = usage.get("prompt_tokens", 0), usage.get("cached_tokens", 0)
        if all(type(number) is int and number >= 0 for number in numbers):
            record.prompt(*numbers)


def _read(received: Any, record: RequestRecord) -> Item:
    """Return an item, and observe its tokens. Raises ``BackendError``."""
    if type(received) is not dict:
        raise BackendError(f"the worker sent {type(received).__name__} where an object belongs")
    text, tokens = received.get("text") or "", received.get("token_ids")
    reason = received.get("finish_reason")
    if type(text) is not str or type(reason) not in (str, type(None)):
        raise BackendError("the worker sent an item whose text or finish_reason is not text")
    # A worker that gives no tokens gives one with each text.
    record.tokens(len(tokens) if type(tokens) is list else 1 if text else 0)
    if reason in _FAILED:
        raise BackendError(f"the engine did not complete the answer: it ended with {reason!r}")
    return Item(text, reason)
