"""Updates of a vec, the series named by a dict, from Python."""

from __future__ import annotations

import random
from functools import cache

from benchmarks import contenders
from benchmarks._harness import Results, Target, workers
from benchmarks._timing import Timer, timer

TITLE = "Updates with labels"

NOTES = """\
One call on a vec of two labels, the series named by a dict that the caller has at hand, in
nanoseconds. Bare C is a method that looks both labels up in the dict and does one relaxed atomic
add. "One dict" is the same dict in every call; "in turn" goes through the dicts of all series in
random order, so that most of what a call touches is not in the cache nearest to the core, for any
contender. prometheus_client is called as `labels(**dict)`. `with_label_values` makes a handle and
lets it go; its list is made in the call. Not shown: dicts made in the call, which cost some 40 ns
more on all sides.

A vec has a direct-mapped cache of a few hundred recently used children, keyed by the addresses of
the label-value strings, which is what "one dict" shows. Updating 10,000 children in random order
pays for the look-up by text as well, and waits for memory at each step: table, series, labels and
value, where bare C has one value. A cache of 10,000 children would keep 20,000 strings alive that
the program may have released, which the memory per series does not allow.
"""

_FEW, _MANY = 10, 10_000
_VERBS = (
    ("inc", "inc(dict)", 2.5),
    ("set", "set(v, dict)", 2.7),
    ("observe", "observe(v, dict)", 2.8),
)
_SETTINGS = ((_FEW, False), (_MANY, False), (_MANY, True))


def _case(call: str, series: int, in_turn: bool) -> str:
    return f"`{call}`, {series:,} series, {'in turn' if in_turn else 'one dict'}"


_CHILD = "`with_label_values([a, b])`"

TARGETS = (
    *(
        Target(_case(call, *setting), limit, contenders.BARE)
        for _, call, limit in _VERBS
        for setting in _SETTINGS
    ),
    Target(_CHILD, 120),
)

_PEERS = (contenders.DYNAMO, contenders.PROMETHEUS_CLIENT, contenders.OPENTELEMETRY)


def measure(results: Results, rounds: int) -> None:
    """Time all cases, every contender in turn."""
    cases = [
        (_case(call, *setting), verb, *setting) for verb, call, _ in _VERBS for setting in _SETTINGS
    ]
    cases.append((_CHILD, "child", _MANY, False))
    with workers((contenders.BARE, contenders.OURS, *_PEERS)) as at:
        for _ in range(rounds):
            for case, verb, series, in_turn in cases:
                for key in (contenders.BARE, contenders.OURS, *_PEERS):
                    if key == contenders.BARE and verb == "child":
                        continue
                    time = at[key].call(
                        "benchmarks.vecs:time",
                        contender=key,
                        verb="look_up" if key == contenders.BARE else verb,
                        series=series,
                        in_turn=in_turn,
                    )
                    if time is not None:
                        results.add(case, key, "ns", time)


def time(contender: str, verb: str, series: int, in_turn: bool) -> float | None:
    """Time one verb, in a worker, in nanoseconds; None if the contender does not have it."""
    found = _timer(contender, verb, series, in_turn)
    return found and found()


@cache
def _timer(contender: str, verb: str, series: int, in_turn: bool) -> Timer | None:
    statement = _statements(contender, series).get(verb)
    if statement is None:
        return None
    if in_turn:
        return timer(statement, _label_sets(series))
    labels = _label_sets(series)[0]
    return timer(contenders.Statement(statement.source, {**statement.names, "labels": labels}))


@cache
def _statements(contender: str, series: int) -> dict[str, contenders.Statement]:
    return contenders.load(contender).vec_updates(_label_sets(series))


@cache
def _label_sets(series: int) -> list[dict[str, str]]:
    sets = list(contenders.label_sets(series))
    random.Random(series).shuffle(sets)
    return sets
