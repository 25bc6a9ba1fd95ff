"""The functions of users that answer requests."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from dynamo._requests import Context

Handler = Callable[[Any, Context], AsyncIterator[Any]]

_USE = "use an async generator function, async def with yield"


def prepare_handler(function: Callable[..., Any]) -> Handler:
    """Return a handler of the shape ``Handler``.

    A parameter ``context``, or a second one without a default, gets the ``Context``.

    Raises ``TypeError`` for what is visibly not an async generator function.
    """
    if not callable(function):
        raise TypeError(f"a handler must be callable, not {type(function).__name__}: {_USE}")
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"the handler {_name(function)} has no yield in it: {_USE}")
    keyword, positional = _context_parameter(function)

    def call(request: Any, context: Context) -> AsyncIterator[Any]:
        if keyword:
            items = function(request, context=context)
        elif positional:
            items = function(request, context)
        else:
            items = function(request)
        if not hasattr(items, "__anext__"):
            if inspect.iscoroutine(items):
                items.close()
            raise TypeError(
                f"the handler {_name(function)} returned {type(items).__name__}, which yields "
                f"nothing: {_USE}"
            )
        answer: AsyncIterator[Any] = items
        return answer

    return call


async def close(items: AsyncIterator[Any]) -> None:
    """Close an async generator at its current yield, so that its ``finally`` runs."""
    aclose = getattr(items, "aclose", None)
    if aclose is not None:
        await aclose()


def _context_parameter(function: Callable[..., Any]) -> tuple[bool, bool]:
    """Whether the context goes to a parameter of that name, or to the second position."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False, False
    if "context" in parameters:
        named = parameters["context"].kind is not inspect.Parameter.POSITIONAL_ONLY
        return named, not named
    places = [
        parameter
        for parameter in parameters.values()
        if parameter.kind
        in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is inspect.Parameter.empty
    ]
    return False, len(places) >= 2


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or repr(function)
