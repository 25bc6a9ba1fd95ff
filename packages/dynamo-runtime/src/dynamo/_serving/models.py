"""Handlers with models for requests and items."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable
from types import GenericAlias
from typing import Any

from dynamo._serving.handler import close
from dynamo.request_plane import InvalidRequestError


def dynamo_endpoint(
    request_model: Any, response_model: Any
) -> Callable[[Callable[..., AsyncIterator[Any]]], Callable[..., AsyncIterator[Any]]]:
    """Give a handler its requests as ``request_model``, and check what it yields.

        class Ask(BaseModel):
            prompt: str

        @dynamo_endpoint(Ask, str)
        async def generate(request: Ask): ...

    Models of pydantic are made from the JSON; any other class must be that of the value. Methods
    can be decorated too.

    The handler then raises ``InvalidRequestError`` for a request that does not fit, which counts as
    ``deserialization``, and ``TypeError`` for an item that does not.
    """

    def decorate(
        function: Callable[..., AsyncIterator[Any]],
    ) -> Callable[..., AsyncIterator[Any]]:
        place = _place_of_request(function)

        @functools.wraps(function)
        async def handler(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            given = list(args)
            given[place] = _request(request_model, given[place])
            items = function(*given, **kwargs)
            try:
                async for item in items:
                    yield _item(response_model, item)
            finally:
                await close(items)

        return handler

    return decorate


def _place_of_request(function: Callable[..., Any]) -> int:
    names = list(inspect.signature(function).parameters)
    return 1 if names[:1] in (["self"], ["cls"]) else 0


def _request(model: Any, value: Any) -> Any:
    if not _is_class(model):
        return value
    validate = getattr(model, "model_validate", None)
    if validate is not None:
        try:
            return validate(value)
        except ValueError as error:
            raise InvalidRequestError(
                f"the request does not fit {model.__name__}: {_one_line(error)}"
            ) from None
    if not isinstance(value, model):
        raise InvalidRequestError(
            f"the request must be {model.__name__}, not {type(value).__name__}"
        )
    return value


def _item(model: Any, value: Any) -> Any:
    if not _is_class(model) or isinstance(value, model):
        return value
    validate = getattr(model, "model_validate", None)
    if validate is not None:
        try:
            return validate(value)
        except ValueError as error:
            raise TypeError(
                f"an item of the answer does not fit {model.__name__}: {_one_line(error)}"
            ) from None
    raise TypeError(f"an item of the answer must be {model.__name__}, not {type(value).__name__}")


def _is_class(model: Any) -> bool:
    """Whether values can be its instances; not so for ``Any`` and ``list[int]``."""
    return isinstance(model, type) and model is not Any and not isinstance(model, GenericAlias)


def _one_line(error: ValueError) -> str:
    """Return what pydantic found, each place with its message."""
    found = getattr(error, "errors", None)
    if found is None:
        return str(error)
    places = (
        (".".join(map(str, problem["loc"])) or "it", problem["msg"].lower())
        for problem in found(include_url=False)
    )
    return "; ".join(f"{place}: {message}" for place, message in places)
