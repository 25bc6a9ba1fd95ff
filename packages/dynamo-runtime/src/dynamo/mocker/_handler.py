"""The handler of the ``generate`` endpoint: requests as JSON, items as JSON."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from dynamo._engines.handlers import Generate
from dynamo._engines.requests import (
    Chat,
    given,
    is_whole,
    placed_options,
    prompt_of,
    usage_of,
    wants_usage,
)
from dynamo.mocker._engine import Engine, Options
from dynamo.mocker._model import text_of, tokens_of
from dynamo.runtime import Context, InvalidRequestError


def handler_of(engine: Engine) -> Generate:
    """Return the handler that has ``engine`` answer.

    A request is an object with ``token_ids``, ``prompt``, a text, or ``messages``, and options:
    ``max_tokens``, ``min_tokens``, ``ignore_eos``, in the request itself, in its
    ``sampling_options`` or its ``stop_conditions``. Others are accepted and have no effect, as
    there is no model.

    An item has ``token_ids``, the tokens since the last one, their ``text``, and
    ``finish_reason``: ``"stop"`` or ``"length"`` in the last item, None before. For a request with
    ``usage`` the first one has that too.
    """

    async def generate(request: Any, context: Context) -> AsyncGenerator[dict[str, Any], None]:
        prompt = prompt_of(request)
        if isinstance(prompt, Chat):
            prompt = _rendered(prompt)
        tokens = tokens_of(prompt) if isinstance(prompt, str) else prompt
        options = _options_of(request)
        try:
            answer = engine.submit(tokens, options)
        except ValueError as error:
            raise InvalidRequestError(str(error)) from None
        # A client may disconnect while its request is queued, long before the next item.
        context.add_listener(answer.abort)
        try:
            pending_usage = wants_usage(request)
            async for new, reason in answer:
                text = text_of(new)
                item: dict[str, Any] = {"token_ids": new, "text": text, "finish_reason": reason}
                if pending_usage:
                    pending_usage = False
                    item["usage"] = usage_of(answer.prompt_tokens, answer.cached_tokens)
                yield item
        finally:
            context.remove_listener(answer.abort)
            answer.abort()

    return generate


def _rendered(chat: Chat) -> str:
    """Return messages as a prompt, by the plainest template there is."""
    lines = [f"{message['role']}: {message.get('content') or ''}\n" for message in chat.messages]
    return "".join([*lines, "assistant: "])


def _options_of(request: dict[str, Any]) -> Options:
    options = placed_options(request) | given(request)
    max_tokens = options.get("max_tokens")
    min_tokens = options.get("min_tokens", 0)
    ignore_eos = options.get("ignore_eos", False)
    if max_tokens is not None and not (is_whole(max_tokens) and max_tokens > 0):
        raise InvalidRequestError(f"max_tokens={max_tokens!r} is not a whole number above 0")
    if not is_whole(min_tokens):
        raise InvalidRequestError(f"min_tokens={min_tokens!r} is not a whole number of at least 0")
    if not isinstance(ignore_eos, bool):
        raise InvalidRequestError(f"ignore_eos={ignore_eos!r} is neither true nor false")
    return Options(max_tokens, min_tokens, ignore_eos)
