"""The handler of the ``generate`` endpoint: requests as JSON, items as JSON."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

from dynamo.mocker._engine import Engine, Options
from dynamo.mocker._model import text_of, tokens_of
from dynamo.runtime import Context, InvalidRequestError

Generate = Callable[[Any, Context], AsyncGenerator[dict[str, Any], None]]
"""Answers a request: items as they come. Closing it gives the request up."""

_PLACES = ("sampling_options", "stop_conditions")
"""Objects of a request in which Dynamo's preprocessor puts the options."""


def handler_of(engine: Engine) -> Generate:
    """Return the handler that has ``engine`` answer.

    A request is an object with ``token_ids`` or ``prompt``, a text, and options: ``max_tokens``,
    ``min_tokens``, ``ignore_eos``, in the request itself, in its ``sampling_options`` or its
    ``stop_conditions``. Others are accepted and have no effect, as there is no model.

    An item has ``token_ids``, the tokens since the last one, their ``text``, and
    ``finish_reason``: ``"stop"`` or ``"length"`` in the last item, None before.
    """

    async def generate(request: Any, context: Context) -> AsyncGenerator[dict[str, Any], None]:
        if not isinstance(request, dict):
            raise InvalidRequestError(f"a request must be an object, not {_type_of(request)}")
        prompt, options = _prompt_of(request), _options_of(request)
        try:
            answer = engine.submit(prompt, options)
        except ValueError as error:
            raise InvalidRequestError(str(error)) from None
        # A client may leave while its request waits in the queue, long before the next item.
        context.add_listener(answer.abort)
        try:
            async for tokens, reason in answer:
                yield {"token_ids": tokens, "text": text_of(tokens), "finish_reason": reason}
        finally:
            context.remove_listener(answer.abort)
            answer.abort()

    return generate


def _prompt_of(request: dict[str, Any]) -> list[int]:
    tokens, prompt = request.get("token_ids"), request.get("prompt")
    if (tokens is None) == (prompt is None):
        raise InvalidRequestError("a request must have either token_ids or a prompt")
    if prompt is not None:
        if not isinstance(prompt, str):
            raise InvalidRequestError(f"prompt must be a text, not {_type_of(prompt)}")
        return tokens_of(prompt)
    if not isinstance(tokens, list) or not all(map(_is_whole, tokens)):
        raise InvalidRequestError("token_ids must be a list of whole numbers, none below 0")
    return tokens


def _options_of(request: dict[str, Any]) -> Options:
    given: dict[str, Any] = {}
    for options in (*map(request.get, _PLACES), request):
        if isinstance(options, dict):
            given |= {name: value for name, value in options.items() if value is not None}
    max_tokens = given.get("max_tokens")
    min_tokens = given.get("min_tokens", 0)
    ignore_eos = given.get("ignore_eos", False)
    if max_tokens is not None and not (_is_whole(max_tokens) and max_tokens > 0):
        raise InvalidRequestError(f"max_tokens={max_tokens!r} is no whole number above 0")
    if not _is_whole(min_tokens):
        raise InvalidRequestError(f"min_tokens={min_tokens!r} is no whole number from 0 on")
    if not isinstance(ignore_eos, bool):
        raise InvalidRequestError(f"ignore_eos={ignore_eos!r} is neither true nor false")
    return Options(max_tokens, min_tokens, ignore_eos)


def _is_whole(value: object) -> bool:
    return type(value) is int and value >= 0


def _type_of(value: object) -> str:
    return type(value).__name__
