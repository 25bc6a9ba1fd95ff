"""The least a C method can do: ``benchmarks/floor``."""

from __future__ import annotations

from collections.abc import Sequence

from bare import Bare

from benchmarks.contenders import FIRST, SECOND, Statement


class Contender:
    """Updates only: there is nothing to scrape."""

    def __init__(self, port: int | None = None) -> None:
        self._bare = Bare(FIRST, SECOND)

    def updates(self) -> dict[str, Statement]:
        names = {"bare": self._bare}
        return {
            "inc": Statement("bare.inc()", names),
            "set": Statement("bare.set(1.5)", names),
            "set_int": Statement("bare.set_int(12345)", names),
        }

    def vec_updates(self, label_sets: Sequence[dict[str, str]]) -> dict[str, Statement]:
        return {"look_up": Statement("bare.look_up(labels)", {"bare": self._bare})}
