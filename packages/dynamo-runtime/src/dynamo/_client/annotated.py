"""Items of an answer as Dynamo's own bindings give them."""

from __future__ import annotations

from typing import Any


class Annotated:
    """An item with the fields of Dynamo's; only ``data`` has a value."""

    __slots__ = ("_data",)

    def __init__(self, data: Any) -> None:
        self._data = data

    def data(self) -> Any:
        """Return the value that the handler yielded."""
        return self._data

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

    def __repr__(self) -> str:
        return f"Annotated({self._data!r})"
