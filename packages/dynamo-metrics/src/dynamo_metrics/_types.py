"""What the functions of this package take, for annotations. For type checkers only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView, ValuesView
from enum import Enum
from typing import Any, Literal, Protocol, SupportsFloat, SupportsIndex, TypeAlias

Float: TypeAlias = SupportsFloat | SupportsIndex
"""A float, an int, or what converts itself to one."""

Int: TypeAlias = SupportsIndex
"""An int, or what converts itself to one."""

LabelValues: TypeAlias = str | int | Enum
"""The value of a label. An int, a bool or an enum that is no str is written as ``str()`` does."""


class LabelDict(Protocol):
    """The labels of a series: a dict, whatever of the possible values its values are."""

    def keys(self) -> KeysView[str]: ...
    def values(self) -> ValuesView[LabelValues]: ...
    def __getitem__(self, key: str, /) -> LabelValues: ...
    def copy(self) -> LabelDict: ...


Labels: TypeAlias = LabelDict | Iterable[tuple[str, LabelValues]] | None
"""Constant labels, or the labels of an exemplar: a dict or (name, value) pairs."""

Exceptions: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]
"""A class of exceptions, or several."""

Bounds: TypeAlias = Iterable[Float] | None
"""Upper bounds of buckets, in increasing order."""


Across: TypeAlias = Literal["each", "sum", "min", "max", "last"]
"""How an exposition of several processes shows a gauge."""


class Values(Protocol):
    """A list of label values, or another sequence; not a str itself, which contains only str."""

    def __iter__(self) -> Iterator[LabelValues]: ...
    def __getitem__(self, index: int, /) -> LabelValues: ...
    def __contains__(self, item: object, /) -> bool: ...


class Strings(Protocol):
    """A list of str, or another sequence; not a str itself, which contains only str."""

    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, index: int, /) -> str: ...
    def __contains__(self, item: object, /) -> bool: ...


class Collector(Protocol):
    """A ``CollectorRegistry`` of prometheus_client, or one of its collectors."""

    def collect(self) -> Iterable[Any]:
        """Return the metric families."""
        ...
