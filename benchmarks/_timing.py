"""Times one Python call of some nanoseconds."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from time import perf_counter_ns

from benchmarks.contenders import Statement

# One sample, in nanoseconds: far above the clock's step, far below the scheduler's.
_SAMPLE = 4e6
_SAMPLES = 5
# Copies of the statement in the loop's body, so that the loop itself costs next to nothing.
_COPIES = 100

# Nanoseconds per call, each time it is called.
Timer = Callable[[], float]


def timer(statement: Statement, each: Sequence[object] | None = None) -> Timer:
    """Return a function that times ``statement``, in nanoseconds per call.

    With ``each``, ``labels`` takes its items in turn, and the cost of that loop is subtracted.
    Otherwise the names stand for the same objects in every call. Every timing takes the fastest
    of five samples of 4 ms: what else the machine does can only make a sample slower.
    """
    names = dict(statement.names)
    if each is None:
        calls = _compile([statement.source] * _COPIES, "range(rounds)", "_", names)
        run = _calibrated(calls, _COPIES)
        return lambda: _fastest(run)
    names["each"] = each
    calls = _compile(
        ["for labels in each:", f"    {statement.source}"], "range(rounds)", "_", names
    )
    empty = _compile(["for labels in each:", "    pass"], "range(rounds)", "_", names)
    run, idle = _calibrated(calls, len(each)), _calibrated(empty, len(each))
    return lambda: _fastest(run) - _fastest(idle)


def _compile(
    body: list[str], iterable: str, variable: str, names: dict[str, object]
) -> Callable[[int], int]:
    """Return a loop over ``body`` that takes a number of rounds and returns nanoseconds.

    The names are local variables of the loop, as they would be in a function of a user's.
    """
    lines = [
        f"def loop(rounds, clock, {', '.join(names)}):",
        "    started = clock()",
        f"    for {variable} in {iterable}:",
        *(f"        {line}" for line in body),
        "    return clock() - started",
    ]
    scope: dict[str, Callable[..., int]] = {}
    exec("\n".join(lines), {}, scope)
    loop = scope["loop"]
    return lambda rounds: loop(rounds, perf_counter_ns, *names.values())


def _calibrated(loop: Callable[[int], int], calls: int) -> Callable[[], float]:
    """Return one sample of ``loop``, which makes ``calls`` calls a round, in ns per call."""
    rounds = 1
    # This warms up as well: the interpreter specialises the calls, the caches fill.
    while (elapsed := loop(rounds)) < _SAMPLE / 2:
        rounds *= 2
    rounds = max(1, round(rounds * _SAMPLE / elapsed))
    return lambda: loop(rounds) / (rounds * calls)


def _fastest(sample: Callable[[], float]) -> float:
    collects = gc.isenabled()
    gc.disable()
    try:
        return min(sample() for _ in range(_SAMPLES))
    finally:
        if collects:
            gc.enable()
