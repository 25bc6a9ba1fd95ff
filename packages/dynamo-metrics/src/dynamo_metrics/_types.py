"""What the functions of this package take, for annotations. For type checkers only."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, SupportsFloat, SupportsIndex, TypeAlias

Float: TypeAlias = SupportsFloat | SupportsIndex
"""A float, an int, or what converts itself to one."""

Int: TypeAlias = SupportsIndex
"""An int, or what converts itself to one."""

Labels: TypeAlias = dict[str, str] | Iterable[tuple[str, str]] | None
"""Constant labels, or the labels of an exemplar: a dict or (name, value) pairs."""

Bounds: TypeAlias = Iterable[Float] | None
"""Upper bounds of buckets, in increasing order."""


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
