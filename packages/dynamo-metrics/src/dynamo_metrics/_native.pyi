"""The native core of dynamo_metrics.

Import the public names from dynamo_metrics.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, Literal, TypeAlias, TypeVar, final, overload

from dynamo_metrics._timer import Timer, VecTimer
from dynamo_metrics._trackers import ExceptionCounter, InProgress
from dynamo_metrics._types import Exceptions as _Exceptions
from dynamo_metrics._types import Float as _Float
from dynamo_metrics._types import Int as _Int
from dynamo_metrics._types import LabelDict as _Labels
from dynamo_metrics._types import Labels as _Exemplar
from dynamo_metrics._types import LabelValues as _LabelValue
from dynamo_metrics._types import Values as _LabelValues

# What the updates of a metric take, what its get() returns, the class of a vec's series.
_Given = TypeVar("_Given")
_Value = TypeVar("_Value")
_Series = TypeVar("_Series")

# For this file only: at run time the classes of metrics have no bases.

class _Metric:
    def name(self) -> str:
        """Return the name shown on /metrics, the same in every format."""
    def description(self) -> str:
        """Return the description, shown as HELP."""
    def const_labels(self) -> dict[str, str]:
        """Return the labels every sample has: the hierarchy's first, then those given."""

class _Vec(_Metric, Generic[_Series]):
    def variable_labels(self) -> list[str]:
        """Return the names of the labels whose values tell the series apart, as given."""
    def with_label_values(self, values: _LabelValues) -> _Series:
        """Return the series with these label values, created at 0 if it is new.

        values is a list of str in the order of variable_labels(). Keep the series where
        speed matters: it is as fast as a plain metric.

        Raises ValueError if there are not as many values as label names.
        """
    @overload
    def labels(self, *values: _LabelValue) -> _Series:
        """Return the series with these label values, created at 0 if it is new.

        Values are given by name, or in the order of variable_labels().
        """
    @overload
    def labels(self, **labels: _LabelValue) -> _Series: ...
    def remove(self, labels: _Labels) -> bool:
        """Take all series with these labels out of the vec; return whether there were any.

        labels, a dict, are all labels of one series, or some, which any number of series may
        have. Handles of them still count, unseen; a new one starts at 0.
        """
    def clear(self) -> None:
        """Take all series out of the vec, as remove() does."""
    def set_max_series(self, max_series: _Int) -> None:
        """Let the vec have at most this many series, 0 for any number.

        What is there stays. What comes beyond is counted in one more series, whose labels
        are all "__overflow__". The limit at first is DYN_METRICS_MAX_SERIES.

        Raises ValueError for a number below 0.
        """
    def set_idle_timeout(self, seconds: _Float | None) -> None:
        """Take series out that were not updated for this many seconds, None for never.

        A series goes with the first scrape that comes later than that. One that is updated
        through a handle held all along comes back with the value it had.

        Raises ValueError unless the time is above 0.
        """

class _Counter(_Metric, Generic[_Given, _Value]):
    def inc(self, value: _Given = ..., *, exemplar: _Exemplar = None) -> None:
        """Add 1, or value.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    def inc_by(self, value: _Given, *, exemplar: _Exemplar = None) -> None:
        """Add value; ValueError if it is negative. Counters of floats ignore NaN, which is counted.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    def get(self) -> _Value:
        """Return the count so far."""
    def count_exceptions(self, exception: _Exceptions = ...) -> ExceptionCounter:
        """Return a context manager and decorator that counts exceptions, which go on.

        exception is a class of exceptions or a tuple of classes. A call lasts until what it
        returns has ended: an awaitable, an async generator, a generator or a context manager.

        Raises TypeError for anything else.
        """

class _CounterVec(_Vec[_Series], Generic[_Given, _Value, _Series]):
    def inc(self, labels: _Labels, *, exemplar: _Exemplar = None) -> None:
        """Add 1.

        labels, a dict, name the series, which is created at 0 if it is new.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    @overload
    def inc_by(self, value: _Given, labels: _Labels, *, exemplar: _Exemplar = None) -> None:
        """Add value; ValueError if it is negative. Counters of floats ignore NaN, which is counted.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    @overload
    def inc_by(self, labels: _Labels, /, value: _Given, *, exemplar: _Exemplar = None) -> None: ...
    def get(self, labels: _Labels) -> _Value:
        """Return the count so far.

        labels, a dict, name the series; 0 if there is none, and none is created.
        """

class _Gauge(_Metric, Generic[_Given, _Value]):
    def set(self, value: _Given) -> None:
        """Replace the value."""
    def inc(self, value: _Given = ...) -> None:
        """Add 1, or value."""
    def dec(self, value: _Given = ...) -> None:
        """Subtract 1, or value."""
    def inc_by(self, value: _Given) -> None:
        """Add value; the same as add()."""
    def dec_by(self, value: _Given) -> None:
        """Subtract value; the same as sub()."""
    def add(self, value: _Given) -> None:
        """Add value, which may be negative."""
    def sub(self, value: _Given) -> None:
        """Subtract value, which may be negative."""
    def get(self) -> _Value:
        """Return the value now."""
    def set_function(self, function: Callable[[], _Given]) -> CallbackHandle:
        """Set the gauge to what function returns, before each scrape that shows it.

        function is a callback; see register_callback(). It takes the place of an earlier function
        of the gauge. unregister() of the handle leaves the gauge as it is.

        Raises TypeError if function cannot be called or is an async function.
        """
    def set_to_current_time(self) -> None:
        """Set the gauge to the seconds since 1970, UTC."""
    def track_inprogress(self) -> InProgress:
        """Return a context manager and decorator that adds 1 to the gauge meanwhile.

        A call lasts until what it returns has ended: an awaitable, an async generator, a generator
        or a context manager.
        """

class _GaugeVec(_Vec[_Series], Generic[_Given, _Value, _Series]):
    @overload
    def set(self, value: _Given, labels: _Labels) -> None:
        """Replace the value.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def set(self, labels: _Labels, /, value: _Given) -> None: ...
    def inc(self, labels: _Labels) -> None:
        """Add 1.

        labels, a dict, name the series, which is created at 0 if it is new.
        """
    def dec(self, labels: _Labels) -> None:
        """Subtract 1.

        labels, a dict, name the series, which is created at 0 if it is new.
        """
    @overload
    def inc_by(self, value: _Given, labels: _Labels) -> None:
        """Add value; the same as add().

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def inc_by(self, labels: _Labels, /, value: _Given) -> None: ...
    @overload
    def dec_by(self, value: _Given, labels: _Labels) -> None:
        """Subtract value; the same as sub().

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def dec_by(self, labels: _Labels, /, value: _Given) -> None: ...
    @overload
    def add(self, value: _Given, labels: _Labels) -> None:
        """Add value, which may be negative.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def add(self, labels: _Labels, /, value: _Given) -> None: ...
    @overload
    def sub(self, value: _Given, labels: _Labels) -> None:
        """Subtract value, which may be negative.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def sub(self, labels: _Labels, /, value: _Given) -> None: ...
    def get(self, labels: _Labels) -> _Value:
        """Return the value now.

        labels, a dict, name the series; 0 if there is none, and none is created.
        """

@final
class Counter(_Counter[_Float, float]):
    """A counter of floats."""

@final
class CounterVec(_CounterVec[_Float, float, Counter]):
    """Counters of floats, one for each combination of label values.

    Whatever takes labels raises ValueError if one is missing or unknown.
    """

@final
class IntCounter(_Counter[_Int, int]):
    """A counter of integers; it stays at 2**64 - 1 rather than starting over.

    Updates take integers up to 2**64 - 1: larger ones raise OverflowError, floats TypeError.
    """

@final
class IntCounterVec(_CounterVec[_Int, int, IntCounter]):
    """Counters of integers, one for each combination of label values.

    Whatever takes labels raises ValueError if one is missing or unknown.
    Updates take integers up to 2**64 - 1: larger ones raise OverflowError, floats TypeError.
    """

@final
class Gauge(_Gauge[_Float, float]):
    """A gauge of floats."""

@final
class GaugeVec(_GaugeVec[_Float, float, Gauge]):
    """Gauges of floats, one for each combination of label values.

    Whatever takes labels raises ValueError if one is missing or unknown.
    """

@final
class IntGauge(_Gauge[_Int, int]):
    """A gauge of integers; it stays at the limits of 64 bits rather than wrapping round.

    Updates take integers from -2**63 to 2**63 - 1: others raise OverflowError, floats TypeError.
    """

@final
class IntGaugeVec(_GaugeVec[_Int, int, IntGauge]):
    """Gauges of integers, one for each combination of label values.

    Whatever takes labels raises ValueError if one is missing or unknown.
    Updates take integers from -2**63 to 2**63 - 1: others raise OverflowError, floats TypeError.
    """

@final
class Histogram(_Metric):
    """Counts observations in buckets and sums them up."""

    def observe(self, value: _Float, *, exemplar: _Exemplar = None) -> None:
        """Count one observation. NaN is ignored and counted.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    def get_sample_count(self) -> int:
        """Return the number of observations."""
    def get_sample_sum(self) -> float:
        """Return the sum of the observations."""
    def time(self) -> Timer:
        """Return a timer: of a with block, or of each call of the function it decorates.

        It observes seconds, on every way out, exceptions included. A call is timed until what it
        returns has ended: an awaitable, an async generator, a generator or a context manager.
        """

@final
class HistogramVec(_Vec[Histogram]):
    """Histograms, one for each combination of label values.

    Whatever takes labels raises ValueError if one is missing or unknown.
    """

    @overload
    def observe(self, value: _Float, labels: _Labels, *, exemplar: _Exemplar = None) -> None:
        """Count one observation. NaN is ignored and counted.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    @overload
    def observe(self, labels: _Labels, /, value: _Float, *, exemplar: _Exemplar = None) -> None: ...
    def get_sample_count(self, labels: _Labels) -> int:
        """Return the number of observations.

        labels, a dict, name the series; 0 if there is none, and none is created.
        """
    def get_sample_sum(self, labels: _Labels) -> float:
        """Return the sum of the observations.

        labels, a dict, name the series; 0 if there is none, and none is created.
        """
    def time(self, labels: _Labels | None = None) -> VecTimer:
        """Return a timer of the series with these labels.

        In a with block labels can be left out, and are set before its end by labels() of the timer.
        See time() of a single series.
        """

@final
class Summary(_Metric):
    """Counts observations and sums them up, without buckets."""

    def observe(self, value: _Float) -> None:
        """Count one observation. NaN is ignored and counted."""
    def get_sample_count(self) -> int:
        """Return the number of observations."""
    def get_sample_sum(self) -> float:
        """Return the sum of the observations."""
    def time(self) -> Timer:
        """Return a timer: of a with block, or of each call of the function it decorates.

        It observes seconds, on every way out, exceptions included. A call is timed until what it
        returns has ended: an awaitable, an async generator, a generator or a context manager.
        """

@final
class SummaryVec(_Vec[Summary]):
    """Summaries, one for each combination of label values.

    Whatever takes labels raises ValueError if one is missing or unknown.
    """

    @overload
    def observe(self, value: _Float, labels: _Labels) -> None:
        """Count one observation. NaN is ignored and counted.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def observe(self, labels: _Labels, /, value: _Float) -> None: ...
    def get_sample_count(self, labels: _Labels) -> int:
        """Return the number of observations.

        labels, a dict, name the series; 0 if there is none, and none is created.
        """
    def get_sample_sum(self, labels: _Labels) -> float:
        """Return the sum of the observations.

        labels, a dict, name the series; 0 if there is none, and none is created.
        """
    def time(self, labels: _Labels | None = None) -> VecTimer:
        """Return a timer of the series with these labels.

        In a with block labels can be left out, and are set before its end by labels() of the timer.
        See time() of a single series.
        """

@final
class CallbackHandle:
    """A registered callback. Dropping the handle leaves the callback registered."""

    def unregister(self) -> bool:
        """Stop running the callback; return whether it was registered."""

# For dynamo_metrics itself only: nodes, the thread that runs callbacks, the log, the end and forks.

_M = TypeVar("_M")
_NativeBuckets: TypeAlias = tuple[_Int | None, _Float | None, _Float | None, _Int | None]

@final
class OtlpEncoder:
    """Encodes metrics as OTLP requests, for one receiver.

    The requests describe their origin by the attributes of resource, (name, value) pairs. With
    delta, counters and histograms are changes since the last commit().
    """

    def __new__(cls, resource: list[tuple[str, str]], delta: bool) -> OtlpEncoder:
        """Create and return a new object.  See help(type) for accurate signature."""
    def encode(self, node: Node, timeout: float) -> list[bytes]:
        """Run the callbacks of node, for timeout seconds at most, and return its requests.

        Each request is an encoded ExportMetricsServiceRequest of at most some 2 MiB.

        Raises ValueError for a timeout below 0.
        """
    def commit(self) -> None:
        """Start the next changes at the totals that were encoded last: the receiver has them."""

@final
class Node:
    """A node of the hierarchy of one runtime. Equal to every other node with the same path."""

    @staticmethod
    def runtime(
        *,
        serve: bool = True,
        settings: list[tuple[str, str, str]] = ...,
    ) -> Node:
        """Return the root of a new tree, or of the one that serves the same fixed port already.

        Settings come from the environment, and from settings, which win: tuples of an argument's
        name, its variable and its value. With serve=False there is no status server.

        Raises ValueError for a wrong setting, OSError if the status server cannot listen.
        """
    @staticmethod
    def detached() -> Node:
        """Return the root of a new tree that serves nothing, whatever the environment says."""
    def namespace(self, name: str) -> Node:
        """Return a namespace of the runtime, or nested in this one."""
    def component(self, name: str) -> Node:
        """Return a component of this namespace."""
    def endpoint(self, name: str) -> Node:
        """Return an endpoint of this component."""
    @property
    def system_status_scheme(self) -> Literal["http", "https"]:
        """The scheme of the status server: "https" if its web config has TLS, otherwise "http"."""
    @property
    def system_status_address(self) -> str | None:
        """Where the status server listens, "host:port", or None."""
    @property
    def process_number(self) -> int | None:
        """The number of this process among those that share a directory, or None."""
    @property
    def shared_dir(self) -> Path | None:
        """The directory in which this process shares its metrics, or None."""
    def set_health_status(self, status: str) -> None:
        """Set what /health says: of an endpoint, or of the runtime while no endpoint reports.

        Raises ValueError for an unknown status.
        """
    def clear_health_status(self) -> None:
        """Remove this endpoint from /health."""
    def reserve(self, names: list[str], reason: str) -> None:
        """Refuse these names to metrics that are created from now on.

        reason, part of the error, names their owner and what to do.
        """
    def shutdown(self) -> None:
        """Stop the status server, within a second, and unregister all callbacks."""
    @property
    def hierarchy_labels(self) -> list[tuple[str, str]]:
        """The labels that the hierarchy gives the metrics of this node: (name, value) pairs."""
    @property
    def name_style(self) -> str:
        """The name style of the runtime: "hierarchy" or "component"."""
    @property
    def path(self) -> list[tuple[str, str]]:
        """The path of this node, from the top: (level, name) pairs."""
    @property
    def tree_id(self) -> int:
        """A number that all nodes of one runtime share."""
    def families(self) -> list[tuple[str, str, str]]:
        """Return the name, type and description of each family of this node and all below it.

        Families without series are included, external families are not.
        """
    @property
    def has_callbacks(self) -> bool:
        """Whether rendering this node runs callbacks."""
    def create(
        self,
        kind: type[_M],
        name: str,
        description: str,
        labels: list[tuple[str, str]],
        label_names: list[str],
        *,
        unit: str | None = None,
        full_name: bool = False,
        across: str | None = None,
        max_series: _Int | None = None,
        idle_timeout: _Float | None = None,
        buckets: list[float] | None = None,
        native: _NativeBuckets | None = None,
    ) -> tuple[int, _M]:
        """Create a metric of one of the metric classes, or find the identical one.

        Returns its id, the same for identical metrics while one of them lives, and a new handle of
        it. label_names, max_series and idle_timeout are for vecs; buckets, a list of upper bounds,
        and native, (schema, growth_factor, zero_threshold, max_buckets), are for histograms.

        Raises MetricsError if the metric cannot be created, ValueError for a limit out of range.
        """
    def adopt(self, home: Node, metric: _Metric) -> None:
        """Expose a metric of the node home here as well; nothing changes if it is exposed here.

        Raises MetricsError if it conflicts with another metric.
        """
    def unregister(self, metric: _Metric) -> bool:
        """Take a metric, plain or vec, out of the scrape; return whether it was in.

        Raises ValueError for one series of a vec, TypeError for what is not a metric.
        """
    def unregister_named(self, name: str) -> bool:
        """Take all metrics of this node with this exposed name out of the scrape.

        Returns whether there was one.
        """
    def register_callback(self, name: str, callback: Callable[[], object]) -> CallbackHandle:
        """Register a callback; name is for messages."""
    def register_text_callback(
        self,
        name: str,
        callback: Callable[[], object],
        *,
        labels: list[tuple[str, str]],
        prefixes: list[str],
        exclude: list[str],
        cache: _Float | None = None,
    ) -> CallbackHandle:
        """Register a callback that returns metrics text; name is for messages.

        Raises MetricsError for a label that cannot be added, ValueError for a cache below 0.
        """
    def register_engine_route(self, name: str, handler: Callable[[bytes], str]) -> None:
        """Answer POST /engine/<name>: next_engine_call() returns its calls, with handler.

        Raises ValueError for a name that cannot be a path.
        """
    def prometheus_expfmt(self) -> str:
        """Return the metrics of this node and all below it, in the Prometheus text format."""
    def exposition(
        self, accept: str, accept_encoding: str, timeout: _Float | None, names: list[str]
    ) -> tuple[str, str | None, bytes]:
        """Return the answer to an HTTP request: Content-Type, Content-Encoding or None, the body.

        names narrows it to the families with these names.

        Raises ValueError for a timeout below 0.
        """

@final
class Job:
    """A callback to run now."""

    @property
    def callback(self) -> Callable[[], object]:
        """What to call."""
    @property
    def name(self) -> str:
        """Its name, for messages."""
    @property
    def returns_text(self) -> bool:
        """Whether the callback returns an exposition."""
    def store(self, text: str) -> None:
        """Show the exposition that the callback returned. Lone surrogates become U+FFFD."""
    def is_first_failure(self) -> bool:
        """Return True at the first call for a callback: only its first failure is logged."""
    def finish(self, succeeded: bool) -> None:
        """Say whether the callback succeeded. Scrapes do not wait for it any longer."""

def install(
    *,
    metrics_error: Callable[[str, str | None, str, tuple[str, ...]], Exception],
    start_log: Callable[[], None],
    wrong_type: Callable[[object, str, str], Exception],
    label_value_error: Callable[[object, str], Exception],
    label_value: Callable[[object, str], str],
    refused: Callable[
        [
            Exception,
            str,
            str,
            list[str],
            list[str],
            tuple[object, ...],
            dict[str, object],
            bool,
        ],
        Exception,
    ],
    shown: Callable[[object], str],
    pairs: Callable[[object, str], list[tuple[str, str]]],
    label_values: Callable[[object, list[str]], list[str]],
) -> None:
    """Take over what the native core calls in Python. The first call wins."""

def series_id(gauge: Gauge | IntGauge) -> int:
    """Return the id of a gauge's series: of no other while it lives.

    Raises TypeError for what is no gauge.
    """

def register_gauge_callback(
    gauge: Gauge | IntGauge, name: str, callback: Callable[[], object]
) -> CallbackHandle:
    """Register a callback on the node that created a gauge; name is for messages.

    Raises TypeError for what is no gauge.
    """

@final
class EngineCall:
    """A call of an engine route. A call without a response fails when it is freed."""

    @property
    def handler(self) -> Callable[[bytes], str]:
        """What the route was registered with."""
    @property
    def name(self) -> str:
        """The name of the route."""
    @property
    def body(self) -> bytes:
        """The body of the request: JSON in UTF-8."""
    def respond(self, succeeded: bool, text: str) -> None:
        """Answer with a JSON text, or with the reason of a failure.

        Does nothing if the client has disconnected, or after a first response.
        """

def next_engine_call() -> EngineCall | None:
    """Wait for the next call, without the GIL; None once the calls are stopped."""

def stop_engine_calls() -> None:
    """Stop the calls: those that wait fail, and the thread that waits for one wakes."""

def next_job(timeout: float | None = None) -> tuple[Job | None, float] | None:
    """Wait for the next callback to run, without the GIL; None when this thread must end.

    Returns the callback, or None if there was none for timeout seconds, and the seconds that this
    thread waited for the GIL afterwards. A thread ends after the end of callbacks, or
    when another one has taken over.
    """

def take_over_jobs() -> None:
    """Make the calling thread the one that runs user code, whatever the previous one is doing."""

def stand_by() -> bool:
    """Wait, without the GIL, until a callback keeps the thread for too long; then take over.

    Returns False after the end of callbacks.
    """

def nudge_jobs() -> None:
    """Wake the thread that waits for callbacks, so that it waits anew with another timeout."""

def stop_jobs() -> None:
    """Stop handing out callbacks and wake the thread that waits for one."""

def next_message() -> tuple[int, str] | None:
    """Wait for the next message, without the GIL; None at the end of the process.

    A message is its level, as logging counts, and its text, which is empty after nudge_messages().
    """

def nudge_messages() -> None:
    """Have next_message() return an empty message after those that wait."""

def stop_messages() -> None:
    """Stop taking messages and wake the thread that waits for one."""

def describe_shared(
    directory: str | os.PathLike[str],
) -> list[tuple[str, int, int, tuple[int, int, bool] | None]]:
    """Return the files with values in a shared directory: the totals, then the members by number.

    Each is (name, bytes, series, member); member is None for the totals, and (number, process id,
    whether it lives) for a member.

    Raises OSError if the directory cannot be used.
    """

def reset_shared(directory: str | os.PathLike[str]) -> bool:
    """Remove all values from a shared directory; return False, at once, while a member lives.

    Raises OSError if the directory cannot be used.
    """

PAGE_HEADERS: Final[list[tuple[str, str]]]

def page_file(name: str) -> tuple[str, str] | None:
    """Return the content type and the content of a file of the live page.

    "" is the page itself, which expects the others below page/. None if there is no such file.
    """

SERVED_BY: Final[str]

def resume_shared() -> None:
    """In a forked child: start the threads that share the metrics, which stayed in the parent."""

def served_mark(port: int) -> str | None:
    """Return what marks this process, for SERVED_BY, as listening on port; or None."""

def require_main_interpreter() -> None:
    """Raise ImportError in a sub-interpreter.

    All interpreters of the process would share the objects of this module.
    """

def stop_servers() -> None:
    """Stop all status servers, within a second, without the GIL."""
