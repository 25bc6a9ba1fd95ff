"""The requests of an engine: JSON objects.

A request has ``token_ids``, ``prompt``, a text, or ``messages``, which the worker renders, and
options: in the request itself, or in the objects in which Dynamo's preprocessor puts them. With
``usage`` the first item of the answer says how long the prompt is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dynamo.runtime import InvalidRequestError

PLACES = ("sampling_options", "stop_conditions")
"""Objects of a request in which there may be options."""


class Chat(NamedTuple):
    """Messages to be rendered with the chat template of the model."""

    messages: list[dict[str, Any]]
    """Each has a ``role`` and a ``content``, texts."""
    template: dict[str, Any]
    """What the template gets in addition, ``chat_template_kwargs`` of the request."""


def prompt_of(request: Any) -> str | list[int] | Chat:
    """Return the prompt of a request: a text, tokens or messages.

    Raises ``InvalidRequestError`` if it is not a request, or has no prompt or two.
    """
    if not isinstance(request, dict):
        raise InvalidRequestError(f"a request must be an object, not {_type_of(request)}")
    tokens, prompt = request.get("token_ids"), request.get("prompt")
    messages = request.get("messages")
    if sum(one is not None for one in (tokens, prompt, messages)) != 1:
        raise InvalidRequestError("a request must have either token_ids, a prompt or messages")
    if messages is not None:
        return _chat_of(messages, request.get("chat_template_kwargs"))
    if prompt is not None:
        if not isinstance(prompt, str):
            raise InvalidRequestError(f"prompt must be a text, not {_type_of(prompt)}")
        try:
            prompt.encode()
        except UnicodeEncodeError as error:  # JSON can hold half of a surrogate pair
            raise InvalidRequestError(
                f"prompt must be a text of whole characters: {error}"
            ) from None
        return prompt
    if not isinstance(tokens, list) or not all(map(is_whole, tokens)):
        raise InvalidRequestError("token_ids must be a list of whole numbers, none below 0")
    return tokens


def wants_usage(request: dict[str, Any]) -> bool:
    """Whether the first item is to have ``usage``, as ``usage_of`` returns it."""
    return request.get("usage") is True


def usage_of(prompt_tokens: int, cached_tokens: int) -> dict[str, int]:
    """Return the tokens of a prompt, and how many of them were in the cache, for an item."""
    return {"prompt_tokens": prompt_tokens, "cached_tokens": cached_tokens}


def _chat_of(messages: Any, template: Any) -> Chat:
    if not isinstance(messages, list) or not messages:
        raise InvalidRequestError("messages must be a list of at least one message")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise InvalidRequestError("a message must be an object with a role, a text")
        content = message.get("content")
        if content is not None and not isinstance(content, str):
            raise InvalidRequestError(
                f"the content of a message must be a text, not {_type_of(content)}"
            )
    if template is not None and not isinstance(template, dict):
        raise InvalidRequestError(
            f"chat_template_kwargs must be an object, not {_type_of(template)}"
        )
    return Chat(messages, template or {})


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that are set: null means the engine's default."""
    return {name: value for name, value in options.items() if value is not None}


def placed_options(request: dict[str, Any]) -> dict[str, Any]:
    """Return the options in the objects for them, those that are there.

    Raises ``InvalidRequestError`` if one of these is not an object.
    """
    found: dict[str, Any] = {}
    for place in PLACES:
        options = request.get(place)
        if options is None:
            continue
        if not isinstance(options, dict):
            raise InvalidRequestError(f"{place} must be an object, not {_type_of(options)}")
        found |= given(options)
    return found


def is_whole(value: object) -> bool:
    """Whether a value is a whole number from 0 on."""
    return type(value) is int and value >= 0


def _type_of(value: object) -> str:
    return type(value).__name__
