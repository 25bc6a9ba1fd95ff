"""What decorators measure: calls, until what they return has ended."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any

import pytest
from typing_extensions import Self

from dynamo.prometheus_metrics import Histogram, IntCounter, IntGauge, RuntimeMetrics
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


class Measured:
    """A function decorated with all three: seconds, exceptions, calls in progress."""

    def __init__(self, metrics: RuntimeMetrics) -> None:
        self.seconds = metrics.create_histogram("seconds", "help")
        self.errors = metrics.create_intcounter("errors", "help")
        self.running = metrics.create_intgauge("running", "help")

    def __call__(self, function: Any) -> Any:
        timed = self.seconds.time()(function)
        return self.running.track_inprogress()(self.errors.count_exceptions()(timed))

    def observed(self) -> tuple[int, float]:
        return self.seconds.get_sample_count(), self.seconds.get_sample_sum()

    def ended(self, seconds: float, errors: int = 0) -> bool:
        assert self.observed() == (1, seconds)
        assert (self.errors.get(), self.running.get()) == (errors, 0)
        return True


@pytest.fixture
def measured(metrics: RuntimeMetrics) -> Measured:
    return Measured(metrics)


async def nap(clock: Clock, seconds: float) -> str:
    await asyncio.sleep(0)
    clock.tick(seconds)
    return "done"


class AsyncCall:
    async def __call__(self, clock: Clock, seconds: float) -> str:
        return await nap(clock, seconds)


def wrapped(function: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[str]]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Awaitable[str]:
        return function(*args)

    return wrapper


class Custom:
    """An awaitable that is no coroutine."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.args = (clock, seconds)

    def __await__(self) -> Generator[Any, None, str]:
        return nap(*self.args).__await__()


class Steps(Generator[Any, Any, Any]):
    """A generator that is an object of Python."""

    def __init__(self, steps: Generator[Any, Any, Any]) -> None:
        self.send = steps.send  # type: ignore
        self.throw = steps.throw  # type: ignore

    def send(self, value: Any) -> Any: ...
    def throw(self, *error: Any) -> Any: ...


@types.coroutine
def based_on_a_generator(clock: Clock, seconds: float) -> Generator[Any, Any, str]:
    return (yield from nap(clock, seconds))


FUNCTIONS: dict[str, Any] = {
    "async def": nap,
    "partial": functools.partial(nap),
    "async __call__": AsyncCall(),
    "a partial of it": functools.partial(AsyncCall()),
    "wrapped": wrapped(nap),
    "lambda": lambda clock, seconds: nap(clock, seconds),
    "task": lambda clock, seconds: asyncio.get_running_loop().create_task(nap(clock, seconds)),
    "awaitable": Custom,
    "types.coroutine": based_on_a_generator,
    "a partial of types.coroutine": functools.partial(based_on_a_generator),
    "a lambda of types.coroutine": lambda *args: based_on_a_generator(*args),
    "types.coroutine of a function": types.coroutine(lambda *args: Steps(nap(*args).__await__())),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_an_awaitable_is_measured_until_it_is_done(
    measured: Measured, clock: Clock, function: Any
) -> None:
    async def main() -> None:
        begun = measured(function)(clock, 2)
        assert measured.observed() == (0, 0)
        assert await begun == "done"
        await asyncio.sleep(0)

    asyncio.run(main())
    assert measured.ended(2)


@pytest.mark.parametrize("way", ["async def", "wrapped", "task", "awaitable"])
def test_an_awaitable_that_raises_is_measured(measured: Measured, clock: Clock, way: str) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        assert measured.running.get() == 1
        clock.tick(3)
        raise KeyError

    class Failing:
        def __await__(self) -> Any:
            return fail().__await__()

    functions: dict[str, Any] = {
        "async def": fail,
        "wrapped": wrapped(fail),
        "task": lambda: asyncio.get_running_loop().create_task(fail()),
        "awaitable": Failing,
    }

    async def main() -> None:
        with pytest.raises(KeyError):
            await measured(functions[way])()
        await asyncio.sleep(0)

    asyncio.run(main())
    assert measured.ended(3, errors=1)


def test_a_task_stays_the_task_and_its_cancellation_ends_it(measured: Measured) -> None:
    async def main() -> None:
        sleep = functools.partial(asyncio.sleep, 60)
        task = measured(lambda: asyncio.get_running_loop().create_task(sleep()))()
        assert isinstance(task, asyncio.Task)
        await asyncio.sleep(0)
        assert measured.running.get() == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    asyncio.run(main())
    assert (measured.errors.get(), measured.running.get()) == (0, 0)


def test_the_error_of_a_task_that_nobody_awaits_is_still_reported(measured: Measured) -> None:
    reported = []

    async def fail() -> None:
        raise KeyError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context["message"]))
        await asyncio.wait([measured(lambda: loop.create_task(fail()))()])
        await asyncio.sleep(0)
        gc.collect()

    asyncio.run(main())
    assert reported == ["Task exception was never retrieved"]
    assert (measured.observed()[0], measured.errors.get(), measured.running.get()) == (1, 1, 0)


class Call(Custom):
    """An awaitable with a callback and nothing else of a future, as a call of grpc.aio."""

    def add_done_callback(self, done: Callable[[Any], None]) -> None:
        self.done = done

    def __await__(self) -> Generator[Any, None, str]:
        result = yield from super().__await__()
        self.done(self)
        return result


class Intercepted(Custom):
    def add_done_callback(self, done: Callable[[Any], None]) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("kind", [Call, Intercepted])
def test_an_awaitable_that_is_half_a_future_is_measured(
    metrics: RuntimeMetrics, clock: Clock, kind: type[Custom]
) -> None:
    histogram = metrics.create_histogram("seconds", "help")

    async def main() -> str:
        return await histogram.time()(kind)(clock, 2)

    assert asyncio.run(main()) == "done"
    assert (histogram.get_sample_count(), histogram.get_sample_sum()) == (1, 2)


async def count(clock: Clock, items: int) -> AsyncIterator[int]:
    for item in range(items):
        await asyncio.sleep(0)
        clock.tick(1)
        yield item


@pytest.mark.parametrize("function", [count, functools.partial(count), lambda *a: count(*a)])
def test_an_async_generator_is_measured_until_it_is_exhausted(
    measured: Measured, clock: Clock, function: Any
) -> None:
    async def main() -> None:
        items = [item async for item in measured(function)(clock, 3)]
        assert items == [0, 1, 2]

    asyncio.run(main())
    assert measured.ended(3)


def test_an_async_generator_that_is_closed_is_measured_until_then(
    measured: Measured, clock: Clock
) -> None:
    closed = []

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                clock.tick(1)
                yield 1
        finally:
            closed.append(True)

    async def main() -> None:
        stream = measured(endless)()
        async for _ in stream:
            break
        assert measured.running.get() == 1
        await stream.aclose()

    asyncio.run(main())
    assert closed == [True]
    assert measured.ended(1)


def test_what_is_sent_and_thrown_into_an_async_generator_arrives(measured: Measured) -> None:
    async def echo() -> Any:
        received = []
        while len(received) < 3:
            try:
                received.append((yield len(received)))
            except KeyError as error:
                received.append(error)
        yield received

    async def main() -> None:
        stream = measured(echo)()
        assert await stream.__anext__() == 0
        assert await stream.asend("a") == 1
        error = KeyError()
        assert await stream.athrow(error) == 2
        assert await stream.asend("b") == ["a", error, "b"]
        with pytest.raises(StopAsyncIteration):
            await stream.__anext__()

    asyncio.run(main())
    assert measured.observed()[0] == 1


def test_decorated_functions_are_still_what_they_were() -> None:
    from dynamo_metrics import Runtime

    timer = Runtime().metrics.create_histogram("m", "help").time()

    def generator() -> Iterator[int]:
        yield 1

    assert inspect.iscoroutinefunction(timer(nap))
    assert inspect.iscoroutinefunction(timer(AsyncCall()))
    assert inspect.isasyncgenfunction(timer(count))
    assert inspect.isgeneratorfunction(timer(generator))
    assert not inspect.isawaitable(timer(generator)())
    assert not inspect.isawaitable(timer(lambda: generator())())


def test_static_methods_and_class_methods_stay_what_they_are(
    measured: Measured, clock: Clock
) -> None:
    class Engine:
        @measured
        @staticmethod
        def static(seconds: float) -> None:
            clock.tick(seconds)

        @measured
        @classmethod
        async def of_class(cls, seconds: float) -> type[Engine]:
            clock.tick(seconds)
            return cls

    Engine.static(1)
    Engine().static(2)
    assert asyncio.run(Engine.of_class(3)) is asyncio.run(Engine().of_class(4)) is Engine
    assert measured.observed() == (4, 10)


def test_a_cached_function_keeps_the_methods_of_its_cache(measured: Measured) -> None:
    @measured
    @functools.lru_cache
    def double(number: int) -> int:
        return 2 * number

    assert double(2) == double(2) == 4
    assert double.cache_info().hits == 1
    double.cache_clear()
    assert (double.cache_info().hits, measured.observed()[0]) == (0, 2)


@pytest.mark.parametrize("wrong", [property(lambda self: None), functools.partialmethod(nap), 1])
def test_what_cannot_be_called_is_refused_where_it_is_decorated(
    measured: Measured, wrong: Any
) -> None:
    with refused(TypeError, "must be callable", type(wrong).__name__, "decorate the function"):
        measured(wrong)


def test_a_generator_is_measured_until_it_is_exhausted(measured: Measured, clock: Clock) -> None:
    def items(number: int) -> Generator[int, str, str]:
        for item in range(number):
            clock.tick(1)
            yield item
        return "result"

    generator = measured(items)(2)
    assert measured.running.get() == 0
    assert next(generator) == 0
    assert measured.running.get() == 1
    assert generator.send("x") == 1
    with pytest.raises(StopIteration, match="result"):
        next(generator)
    assert measured.ended(2)


def test_a_context_manager_is_measured_until_its_end(measured: Measured, clock: Clock) -> None:
    @measured
    @contextlib.contextmanager
    def session() -> Iterator[str]:
        clock.tick(1)
        yield "it"
        clock.tick(1)

    with session() as it:
        assert it == "it"
        clock.tick(5)
    assert measured.ended(7)


@contextlib.asynccontextmanager
async def session() -> AsyncIterator[None]:
    yield


def test_an_async_context_manager_is_measured_until_its_end(
    measured: Measured, clock: Clock
) -> None:
    async def main() -> None:
        async with measured(session)():
            clock.tick(5)
            raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(main())
    assert measured.ended(5, errors=1)


def test_a_context_manager_is_measured_in_each_call_that_it_decorates(
    measured: Measured, clock: Clock
) -> None:
    @measured
    @contextlib.contextmanager
    def session() -> Iterator[None]:
        clock.tick(1)
        yield

    @session()
    def work(seconds: float) -> float:
        assert measured.running.get() == 1
        clock.tick(seconds)
        return 1 / (seconds - 3)

    assert (work(2), measured.observed()) == (-1, (1, 3))
    with pytest.raises(ZeroDivisionError):
        work(3)
    assert measured.observed() == (2, 7)
    assert (measured.errors.get(), measured.running.get()) == (1, 0)


def test_an_async_context_manager_is_measured_in_each_call_that_it_decorates(
    measured: Measured, clock: Clock
) -> None:
    @measured(session)()
    async def work() -> None:
        clock.tick(2)

    asyncio.run(work())
    asyncio.run(work())
    assert measured.observed() == (2, 4)


class Span:
    """A context manager and nothing else."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> bool:
        return raised[0] is KeyError


def test_a_class_that_is_only_a_context_manager_is_measured(
    measured: Measured, clock: Clock
) -> None:
    with measured(Span)() as span:
        assert isinstance(span, Span)
        clock.tick(2)
        raise KeyError
    assert measured.observed() == (1, 2)


@pytest.mark.parametrize("kind", [Iterator, AsyncIterator])
def test_an_iterator_that_is_no_generator_is_a_result(measured: Measured, kind: type) -> None:
    methods = dict.fromkeys(("__next__", "__anext__"), lambda self: None)
    iterator = type("Items", (kind,), methods)
    assert type(measured(iterator)()) is iterator
    assert measured.observed()[0] == 1


def test_what_can_be_used_in_a_with_statement_is_a_result_all_the_same(
    measured: Measured, tmp_path: Any
) -> None:
    path = tmp_path / "file"
    path.touch()
    with measured(open)(path) as file:
        assert measured.observed()[0] == 1
        assert inspect.isbuiltin(file.read)
    assert measured(lambda: path)() is path


class Rows(list[int]):
    """Rows that can be awaited or iterated, as a cursor of asyncpg."""

    def __init__(self, clock: Clock) -> None:
        super().__init__([1, 2])
        self.clock = clock

    def __await__(self) -> Generator[Any, None, list[int]]:
        yield from nap(self.clock, 2).__await__()
        return [*self]

    async def __aiter__(self) -> AsyncIterator[int]:
        for row in self:
            self.clock.tick(1)
            yield row


class Query(Coroutine[Any, Any, int]):
    """A coroutine by its class, as the results of aiosqlite and aiohttp."""

    def __init__(self, clock: Clock, error: Exception | None = None) -> None:
        self.coroutine = self.run(clock, error)

    async def run(self, clock: Clock, error: Exception | None) -> int:
        await nap(clock, 2)
        if error is not None:
            raise error
        return 5

    def __await__(self) -> Generator[Any, Any, int]:
        return self.coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self.coroutine.send(value)

    def throw(self, *exception: Any) -> Any:
        return self.coroutine.throw(*exception)

    def close(self) -> None:
        self.coroutine.close()


@pytest.mark.parametrize(
    "run",
    [
        lambda query: query,
        asyncio.gather,
        asyncio.ensure_future,
        lambda query: asyncio.create_task(query),
        lambda query: asyncio.wait_for(query, 60),
    ],
    ids=["await", "gather", "ensure_future", "create_task", "wait_for"],
)
def test_a_result_that_is_a_coroutine_by_its_class_is_measured_as_a_task(
    measured: Measured, clock: Clock, run: Callable[[Any], Awaitable[Any]]
) -> None:
    async def main(error: Exception | None) -> Any:
        return await run(measured(Query)(clock, error))

    assert asyncio.run(main(None)) in (5, [5])
    assert measured.ended(2)
    with pytest.raises(ValueError, match="no row"):
        asyncio.run(main(ValueError("no row")))
    assert (measured.observed()[0], measured.errors.get(), measured.running.get()) == (2, 1, 0)


def test_a_coroutine_by_its_class_can_be_closed_before_it_begins(
    measured: Measured, clock: Clock
) -> None:
    query = measured(Query)(clock)
    query.close()
    assert inspect.getcoroutinestate(query.coroutine) == inspect.CORO_CLOSED
    assert measured.running.get() == 0


def test_an_awaitable_that_is_iterated_is_measured_until_the_last_item(
    measured: Measured, clock: Clock
) -> None:
    async def main() -> list[int]:
        return [row async for row in measured(Rows)(clock)]

    assert asyncio.run(main()) == [1, 2]
    assert measured.ended(2)


def test_a_result_that_is_measured_later_has_all_that_it_had(
    measured: Measured, clock: Clock
) -> None:
    plain, rows = Rows(clock), measured(Rows)(clock)
    assert isinstance(rows, Rows)
    assert rows == plain
    assert plain == rows == measured(Rows)(clock)
    assert (len(rows), rows[1], 2 in rows, [*rows], rows * 2) == (2, 2, True, [1, 2], [1, 2, 1, 2])
    assert (repr(rows), type(rows).__doc__) == ("[1, 2]", Rows.__doc__)
    assert not callable(rows)
    rows[0], rows.note = 5, "set"
    assert ([*rows], rows.note, vars(rows)["note"]) == ([5, 2], "set", "set")
    del rows.note
    rows.clear()
    assert not rows
    assert not hasattr(rows, "note")
    with pytest.raises(TypeError, match="unhashable"):
        hash(rows)
    with pytest.raises(TypeError, match="not supported between instances of 'Span'"):
        assert measured(Span)() < measured(Span)()
    same = Span()
    again = measured(lambda: same)
    assert {again(): 1}[again()] == 1


# Exceptions and progress, in blocks


def test_exceptions_of_a_block_are_counted_by_their_class(metrics: RuntimeMetrics) -> None:
    counter = metrics.create_counter("m", "help")
    for error in (KeyError, ValueError, asyncio.CancelledError):
        with pytest.raises(error), counter.count_exceptions((LookupError, OSError)):
            raise error
    assert counter.get() == 1
    with pytest.raises(ValueError, match="1"), counter.count_exceptions():
        raise ValueError(1)
    assert counter.get() == 2


def test_a_function_that_raises_is_counted(metrics: RuntimeMetrics) -> None:
    counter = metrics.create_intcountervec("m", "help", ["a"]).labels(a=1)

    @counter.count_exceptions(ZeroDivisionError)
    def divide(number: int) -> float:
        return 1 / number

    assert divide(2) == 0.5
    with pytest.raises(ZeroDivisionError):
        divide(0)
    with pytest.raises(TypeError):
        divide("x")  # type: ignore[arg-type]
    assert counter.get() == 1


@pytest.mark.parametrize("wrong", ["ValueError", ValueError(), int, (int,), lambda: None])
def test_what_is_no_class_of_exceptions_is_refused(metrics: RuntimeMetrics, wrong: Any) -> None:
    with pytest.raises(TypeError, match="class of exceptions"):
        metrics.create_counter("m", "help").count_exceptions(wrong)


def test_what_runs_is_in_progress(metrics: RuntimeMetrics) -> None:
    gauge: IntGauge = metrics.create_intgauge("m", "help")
    with gauge.track_inprogress(), gauge.track_inprogress():
        assert gauge.get() == 2
    assert gauge.get() == 0

    @gauge.track_inprogress()
    def work() -> int:
        return gauge.get()

    assert (work(), gauge.get()) == (1, 0)


# Timers of vecs


def test_the_labels_of_a_timer_may_be_set_at_its_end(metrics: RuntimeMetrics, clock: Clock) -> None:
    vec = metrics.create_histogramvec("m", "help", ["route", "status"])
    with vec.time({"route": "/"}) as timer:
        clock.tick(2)
        timer.labels(status=200)
    assert vec.get_sample_sum({"route": "/", "status": "200"}) == 2
    with vec.time() as timer:
        timer.labels(route="/", status=500)
    assert vec.get_sample_count({"route": "/", "status": "500"}) == 1


def test_labels_given_first_are_those_of_an_exception(metrics: RuntimeMetrics) -> None:
    def fail(_: None) -> None:
        raise KeyError

    vec = metrics.create_summaryvec("m", "help", ["status"])
    with pytest.raises(KeyError), vec.time({"status": 500}):
        raise KeyError
    assert vec.get_sample_count({"status": "500"}) == 1
    wrong: list[Any] = [{}, {"status": None}, {"state": "x"}]
    for labels in wrong:
        with pytest.raises(KeyError), vec.time() as timer:
            fail(timer.labels(**labels))
    with pytest.raises(ValueError, match="missing"), vec.time():
        pass


def test_a_timer_of_a_vec_decorates_with_all_labels(metrics: RuntimeMetrics, clock: Clock) -> None:
    vec = metrics.create_histogramvec("m", "help", ["a"])

    @vec.time({"a": 1})
    async def work() -> None:
        clock.tick(3)

    asyncio.run(work())
    assert vec.get_sample_sum({"a": "1"}) == 3
    with pytest.raises(ValueError, match='label "a"'):
        vec.time()(work)
    with pytest.raises(RuntimeError, match=r"_m\.time\(\): .*with block"):
        vec.time().labels(a=1)


def test_a_timer_takes_a_label_of_any_name(metrics: RuntimeMetrics) -> None:
    vec = metrics.create_summaryvec("m", "help", ["self"])
    with vec.time() as timer:
        timer.labels(self="x")
    assert vec.get_sample_count({"self": "x"}) == 1


def test_timers_of_vecs_may_be_nested(metrics: RuntimeMetrics, clock: Clock) -> None:
    vec = metrics.create_histogramvec("m", "help", ["a"])
    timer = vec.time()
    with timer:
        clock.tick(1)
        with timer:
            clock.tick(2)
            timer.labels(a="inner")
        timer.labels(a="outer")
    assert (vec.get_sample_sum({"a": "inner"}), vec.get_sample_sum({"a": "outer"})) == (2, 3)


def test_the_types_of_the_metrics_say_which_have_what() -> None:
    assert not hasattr(Histogram, "count_exceptions")
    assert not hasattr(IntCounter, "time")
