"""The targets that other packages find, by the entry-point group ``dynamo_metrics.targets``.

An entry point is a function without arguments that returns pairs: the address of a status server,
``host:port``, and a name for people. It raises ``OSError``, ``ValueError`` or ``ImportError`` with
one line if it does not know. ``dynamo-runtime`` adds the runtimes in discovery.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TypeAlias

TARGETS = "dynamo_metrics.targets"

Find: TypeAlias = Callable[[], "list[tuple[str, str]]"]


def finders() -> list[Find]:
    """Return the functions that find targets."""
    found = sorted(entry_points(group=TARGETS), key=lambda entry: entry.name)
    return [entry.load() for entry in found]


def discovered(find: list[Find]) -> list[tuple[str, str]]:
    """Return the addresses and names of all targets. Raises what a finder raises."""
    return [target for one in find for target in one()]
