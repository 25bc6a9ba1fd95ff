"""The requests of an engine: JSON objects.

A request has ``token_ids`` or ``prompt``, a text, and options: in the request itself, or in the
objects in which Dynamo's preprocessor puts them.
"""

from __future__ import annotations

from typing import Any

from dynamo.runtime import InvalidRequestError

PLACES = ("sampling_options", "stop_conditions")
"""Objects of a request in which there may be options."""


def prompt_of(request: Any) -> str | list[int]:
    """Return the prompt of a request, a text or tokens.

    Raises ``InvalidRequestError`` if it is not a request, or has no prompt or two.
    """
    if not isinstance(request, dict):
        raise InvalidRequestError(f"a request must be an object, not {_type_of(request)}")
    tokens, prompt = request.get("token_ids"), request.get("prompt")
    if (tokens is None) == (prompt is None):
        raise InvalidRequestError("a request must have either token_ids or a prompt")
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
