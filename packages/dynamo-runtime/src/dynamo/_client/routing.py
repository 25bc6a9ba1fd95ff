"""The order in which a request tries the instances of an endpoint."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


class RoundRobin:
    """Begins with the next instance for each request."""

    def __init__(self) -> None:
        self._turns = itertools.count()

    def order(self, instances: Sequence[_T]) -> list[_T]:
        """Return all instances, the next one first."""
        first = next(self._turns) % max(1, len(instances))
        return [*instances[first:], *instances[:first]]


def random_order(instances: Sequence[_T]) -> list[_T]:
    """Return all instances, shuffled."""
    return random.sample(instances, len(instances))
