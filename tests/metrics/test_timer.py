"""Timing with a histogram: blocks, functions, coroutines."""

from __future__ import annotations

import asyncio

import pytest

from dynamo.prometheus_metrics import Histogram, RuntimeMetrics
from dynamo_metrics import _timer
from tests.support import refused


class Clock:
    """Counts seconds by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_timer, "perf_counter", clock)
    return clock


@pytest.fixture
def histogram(metrics: RuntimeMetrics) -> Histogram:
    return metrics.create_histogram("m", "help")


def observed(histogram: Histogram) -> tuple[int, float]:
    return histogram.get_sample_count(), histogram.get_sample_sum()


def test_a_block_is_timed_in_seconds(histogram: Histogram, clock: Clock) -> None:
    with histogram.time():
        clock.tick(0.25)
    assert observed(histogram) == (1, 0.25)


def test_a_block_that_raises_is_observed_and_raises(histogram: Histogram, clock: Clock) -> None:
    def work() -> None:
        clock.tick(2)
        raise KeyError

    with pytest.raises(KeyError), histogram.time():
        work()
    assert observed(histogram) == (1, 2)


def test_one_timer_may_be_nested_and_entered_again(histogram: Histogram, clock: Clock) -> None:
    timer = histogram.time()
    with timer:
        clock.tick(1)
        with timer:
            clock.tick(2)
    assert observed(histogram) == (2, 5)
    with timer:
        clock.tick(4)
    assert observed(histogram) == (3, 9)


def test_every_call_of_a_decorated_function_is_timed(histogram: Histogram, clock: Clock) -> None:
    @histogram.time()
    def work(seconds: float, *, result: str) -> str:
        """Works."""
        clock.tick(seconds)
        return result

    assert work(1, result="first") == "first"
    assert work(2, result="second") == "second"
    assert observed(histogram) == (2, 3)
    assert (work.__name__, work.__doc__) == ("work", "Works.")


def test_a_decorated_function_that_raises_is_observed(histogram: Histogram, clock: Clock) -> None:
    @histogram.time()
    def work() -> None:
        clock.tick(3)
        raise KeyError

    with pytest.raises(KeyError):
        work()
    assert observed(histogram) == (1, 3)


def test_a_decorated_function_may_call_itself(histogram: Histogram, clock: Clock) -> None:
    @histogram.time()
    def work(depth: int) -> None:
        clock.tick(1)
        if depth:
            work(depth - 1)

    work(2)
    assert observed(histogram) == (3, 1 + 2 + 3)


def test_methods_can_be_decorated(histogram: Histogram, clock: Clock) -> None:
    class Engine:
        @histogram.time()
        def work(self, seconds: float) -> Engine:
            clock.tick(seconds)
            return self

    engine = Engine()
    assert engine.work(1) is engine
    assert observed(histogram) == (1, 1)


def test_a_coroutine_is_timed_until_it_has_finished(histogram: Histogram, clock: Clock) -> None:
    @histogram.time()
    async def work(seconds: float) -> float:
        await asyncio.sleep(0)
        clock.tick(seconds)
        return seconds

    assert asyncio.run(work(2)) == 2
    assert observed(histogram) == (1, 2)


def test_a_coroutine_never_awaited_is_not_observed(histogram: Histogram) -> None:
    @histogram.time()
    async def work() -> None: ...

    work().close()
    assert observed(histogram)[0] == 0


@pytest.mark.parametrize("error", [KeyError, asyncio.CancelledError])
def test_a_coroutine_that_raises_is_observed(
    histogram: Histogram, clock: Clock, error: type[BaseException]
) -> None:
    @histogram.time()
    async def work() -> None:
        clock.tick(5)
        raise error

    with pytest.raises(error):
        asyncio.run(work())
    assert observed(histogram) == (1, 5)


def test_interleaved_coroutines_are_timed_apart(histogram: Histogram, clock: Clock) -> None:
    @histogram.time()
    async def work(seconds: float) -> None:
        await asyncio.sleep(0)
        clock.tick(seconds)

    async def main() -> None:
        await asyncio.gather(work(1), work(2))

    asyncio.run(main())
    assert observed(histogram) == (2, 1 + 3)


def test_a_series_of_a_vec_has_a_timer_too(metrics: RuntimeMetrics, clock: Clock) -> None:
    child = metrics.create_histogramvec("v", "help", ["a"]).with_label_values(["x"])
    with child.time():
        clock.tick(7)
    assert observed(child) == (1, 7)


def test_the_real_clock_runs(histogram: Histogram) -> None:
    with histogram.time():
        pass
    count, seconds = observed(histogram)
    assert count == 1
    assert seconds > 0


def test_time_takes_no_arguments(histogram: Histogram) -> None:
    with refused(TypeError, "too many", "@metric.time()"):
        histogram.time(lambda: None)  # type: ignore[call-arg]
    with refused(TypeError, "argument 'value'", "time()"):
        histogram.time(value=1)  # type: ignore[call-arg]
