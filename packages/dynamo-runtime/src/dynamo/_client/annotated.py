"""Items of an answer as Dynamo's own bindings give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _Fields:
    """The methods of Dynamo's items; only ``data`` has a value."""

    __slots__ = ()

    def is_error(self) -> bool:
        """Return False: errors are raised."""
        return False

    def event(self) -> str | None:
        """Return None."""
        return None

    def comments(self) -> list[str] | None:
        """Return None."""
        return None

    def id(self) -> str | None:
        """Return None."""
        return None


class Annotated(_Fields):
    """An item that is no value itself."""

    __slots__ = ("_data",)

    def __init__(self, data: Any) -> None:
        self._data = data

    def data(self) -> Any:
        """Return the value that the handler yielded."""
        return self._data

    def __repr__(self) -> str:
        return f"Annotated({self._data!r})"


class _Dict(dict[Any, Any], _Fields):
    __slots__ = ()

    def data(self) -> dict[Any, Any]:
        return dict(self)


class _List(list[Any], _Fields):
    __slots__ = ()

    def data(self) -> list[Any]:
        return list(self)


class _Str(str, _Fields):
    __slots__ = ()

    def data(self) -> str:
        return str(self)


class _Int(int, _Fields):
    def data(self) -> int:
        return int(self)


class _Float(float, _Fields):
    __slots__ = ()

    def data(self) -> float:
        return float(self)


_KINDS: dict[type, Callable[[Any], Any]] = {
    dict: _Dict,
    list: _List,
    str: _Str,
    int: _Int,
    float: _Float,
}


def with_fields(value: Any) -> Any:
    """Return the value as one that has the methods of Dynamo's items too.

    ``None``, ``True`` and ``False`` stay what they are: Python has no other ones.
    """
    kind = _KINDS.get(type(value))
    return value if kind is None else kind(value)
