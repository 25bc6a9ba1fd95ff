"""Limits: how many series a vec may have, and for how long one stays that is not updated."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime
from tests.support import VECS, create, exposition, refused, sample, series
from tests.support.log import Log
from tests.support.waiting import eventually

OVERFLOW = "__overflow__"
OVERFLOWED = "dynamo_runtime_series_overflow_total"
A_DAY = 86_400.0


def update(vec: Any, value: str) -> None:
    labels = {"a": value}
    if hasattr(vec, "observe"):
        vec.observe(1, labels)
    else:
        vec.inc(labels)


def values(runtime: DistributedRuntime, name: str = "m") -> dict[str, float]:
    """The values of a vec's series by their label; none if it is not shown."""
    families = exposition(runtime)
    return series(families, name, "a") if name in families else {}


@pytest.mark.parametrize("factory", VECS)
def test_what_comes_beyond_the_limit_is_one_more_series(
    runtime: DistributedRuntime, factory: str
) -> None:
    vec = create(runtime, factory, max_series=2)
    for value in ("x", "y", "z", "x", "!"):
        update(vec, value)
    families = exposition(runtime)
    name = "m_count" if "histogram" in factory else "m"
    counted = {a: sample(families, name, a=a) for a in ("x", "y", OVERFLOW)}
    assert counted == {"x": 2, "y": 1, OVERFLOW: 2}
    assert {one.labels["a"] for one in families["m"].samples} == {"x", "y", OVERFLOW}
    assert sample(families, OVERFLOWED, metric="m") == 2


def test_all_labels_of_the_overflow_series_say_so(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_gaugevec(
        "m", "help", ["a", "b"], {"region": "us-west"}, max_series=1
    )
    vec.set(1, {"a": "x", "b": "y"})
    vec.set(2, {"a": "y", "b": "x"})
    labels = {"region": "us-west", "a": OVERFLOW, "b": OVERFLOW}
    assert sample(exposition(runtime), "m", **labels) == 2


@pytest.mark.parametrize(
    "child", [lambda vec, a: vec.labels(a), lambda vec, a: vec.with_label_values([a])]
)
def test_handles_beyond_the_limit_are_of_the_overflow_series(
    runtime: DistributedRuntime, child: Any
) -> None:
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"], max_series=1)
    child(vec, "x").inc()
    child(vec, "y").inc()
    child(vec, "z").inc()
    assert values(runtime) == {"x": 1, OVERFLOW: 2}
    assert vec.get({"a": "y"}) == 0


def test_a_vec_at_its_limit_takes_new_series_when_old_ones_go(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"], max_series=1)
    update(vec, "x")
    update(vec, "y")
    vec.remove({"a": "x"})
    update(vec, "y")
    assert values(runtime) == {OVERFLOW: 1, "y": 1}
    vec.clear()
    update(vec, "z")
    assert values(runtime) == {"z": 1}


def test_the_limit_can_be_set_later(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"])
    for value in ("x", "y"):
        update(vec, value)
    vec.set_max_series(1)
    update(vec, "z")
    assert values(runtime) == {"x": 1, "y": 1, OVERFLOW: 1}
    vec.set_max_series(0)
    update(vec, "z")
    assert values(runtime) == {"x": 1, "y": 1, OVERFLOW: 1, "z": 1}


def test_the_limit_of_all_vecs_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYN_METRICS_MAX_SERIES", "1")
    runtime = DistributedRuntime()
    limited = runtime.metrics.create_intcountervec("limited", "help", ["a"])
    other = runtime.metrics.create_intcountervec("other", "help", ["a"], max_series=0)
    for vec in (limited, other):
        update(vec, "x")
        update(vec, "y")
    assert values(runtime, "limited") == {"x": 1, OVERFLOW: 1}
    assert values(runtime, "other") == {"x": 1, "y": 1}


def test_reaching_the_limit_is_logged_once(runtime: DistributedRuntime, log: Log) -> None:
    vec = runtime.metrics.create_intcountervec("m_of_this_test", "help", ["a"], max_series=1)
    other = runtime.metrics.create_intcountervec("last_of_this_test", "help", ["a"], max_series=1)
    for value in ("x", "y", "z"):
        update(vec, value)
    update(other, "x")
    update(other, "y")
    records = log.until('"last_of_this_test" has reached its limit')
    about = [record for record in records if "m_of_this_test" in record.getMessage()]
    assert len(about) == 1
    assert about[0].levelno == logging.WARNING
    assert "of 1 series" in about[0].getMessage()


def test_ten_thousand_series_without_a_limit_are_logged_once(
    runtime: DistributedRuntime, log: Log
) -> None:
    def fill(name: str, count: int, **options: Any) -> None:
        vec = runtime.metrics.create_intgaugevec(name, "help", ["a"], **options)
        for number in range(count):
            vec.set(1, {"a": str(number)})
        vec.clear()
        for number in range(count):
            vec.set(1, {"a": str(number)})

    fill("few_of_this_test", 9_999)
    fill("limited_of_this_test", 10_001, max_series=20_000)
    fill("many_of_this_test", 10_001)
    fill("last_of_this_test", 10_001)
    records = log.until('"last_of_this_test" has 10000 series and no limit')
    about = [record.getMessage() for record in records if "of_this_test" in record.getMessage()]
    assert len(about) == 2
    assert '"many_of_this_test" has 10000 series' in about[0]
    assert "max_series" in about[0]
    assert "DYN_METRICS_MAX_SERIES" in about[0]


@pytest.mark.parametrize("limit", [-1, -(2**40)])
def test_a_limit_below_zero_is_refused(metrics: RuntimeMetrics, limit: int) -> None:
    with refused(ValueError, f"max_series={limit}", "0 for no limit"):
        metrics.create_countervec("m", "help", ["a"], max_series=limit)
    vec = metrics.create_countervec("m", "help", ["a"])
    with refused(ValueError, f"max_series={limit}", "0 for no limit"):
        vec.set_max_series(limit)


@pytest.mark.parametrize("factory", VECS)
def test_a_series_that_is_not_updated_goes(runtime: DistributedRuntime, factory: str) -> None:
    name = "m_count" if "histogram" in factory else "m"
    vec = create(runtime, factory)
    for _ in range(5):  # often enough to be remembered
        update(vec, "x")
    assert sample(exposition(runtime), name, a="x") == 5
    vec.set_idle_timeout(0.001)
    eventually(lambda: None if "m" in exposition(runtime) else True)
    update(vec, "x")
    vec.set_idle_timeout(A_DAY)
    assert sample(exposition(runtime), name, a="x") == 1, "it begins anew"


def test_a_series_that_is_updated_stays(runtime: DistributedRuntime) -> None:
    timeout = 0.05
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"], idle_timeout=timeout)
    update(vec, "goes")
    stays = vec.labels("stays")

    def shown() -> bool | None:
        begun = time.monotonic()
        stays.inc()
        now = values(runtime)
        is_in_time = time.monotonic() - begun < timeout / 2
        assert now.get("stays") == stays.get() or not is_in_time
        return None if "goes" in now or not is_in_time else True

    eventually(shown)


def test_a_series_held_comes_back_with_its_value(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"])
    held = vec.labels("x")
    held.inc_by(5)
    assert values(runtime) == {"x": 5}
    vec.set_idle_timeout(0.001)
    eventually(lambda: None if values(runtime) else True)
    assert held.get() == 5
    assert values(runtime) == {}, "to look at it is no update"

    def shown() -> bool | None:
        held.inc()
        now = values(runtime)
        assert now.get("x", held.get()) == held.get() > 5
        return True if now else None

    eventually(shown)


def test_the_timeout_can_be_set_later_and_taken_back(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"])
    held = vec.labels("x")
    held.inc()
    vec.set_idle_timeout(0.001)
    eventually(lambda: None if values(runtime) else True)
    vec.set_idle_timeout(None)
    assert values(runtime) == {"x": 1}


def test_a_series_that_has_gone_makes_room(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"], max_series=1, idle_timeout=0.001)
    update(vec, "x")
    eventually(lambda: None if values(runtime) else True)
    update(vec, "y")
    vec.set_idle_timeout(A_DAY)
    assert values(runtime) == {"y": 1}


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e300])
def test_a_timeout_that_is_no_time_is_refused(metrics: RuntimeMetrics, timeout: float) -> None:
    with refused(ValueError, "idle_timeout=", "seconds above 0"):
        metrics.create_countervec("m", "help", ["a"], idle_timeout=timeout)
    vec = metrics.create_countervec("m", "help", ["a"])
    with refused(ValueError, "idle_timeout=", "seconds above 0"):
        vec.set_idle_timeout(timeout)


def test_limits_given_again_replace_those_before(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"], max_series=1)
    assert runtime.metrics.create_intcountervec("m", "help", ["a"], max_series=2) is vec
    assert runtime.metrics.create_intcountervec("m", "help", ["a"]) is vec
    for value in ("x", "y", "z"):
        update(vec, value)
    assert values(runtime) == {"x": 1, "y": 1, OVERFLOW: 1}


def test_a_hostile_label_value_exhausts_nothing(runtime: DistributedRuntime) -> None:
    vec = runtime.metrics.create_intcountervec("m", "help", ["a"], max_series=100)
    for number in range(20_000):
        vec.inc({"a": f"attack-{number}"})
    shown = values(runtime)
    assert len(shown) == 101
    assert sum(shown.values()) == 20_000
    assert shown[OVERFLOW] == sample(exposition(runtime), OVERFLOWED, metric="m")
