"""The native core of dynamo_metrics.

Import the public names from dynamo_metrics.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    Protocol,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    final,
    overload,
)

from dynamo_metrics._timer import Timer

# What updates take: a float, or an int, or what converts itself to one.
_Float: TypeAlias = SupportsFloat | SupportsIndex
_Int: TypeAlias = SupportsIndex

# Constant labels, and the upper bounds of buckets.
_Labels: TypeAlias = dict[str, str] | Iterable[tuple[str, str]] | None
_Bounds: TypeAlias = Iterable[_Float] | None
# Labels of an exemplar.
_Exemplar: TypeAlias = dict[str, str] | Iterable[tuple[str, str]] | None

class _Strings(Protocol):
    # A list of str, or another sequence, but not a str itself, which can contain only str.
    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, index: int, /) -> str: ...
    def __contains__(self, item: object, /) -> bool: ...

class _Collector(Protocol):
    # A CollectorRegistry of prometheus_client, or one of its collectors.
    def collect(self) -> Iterable[Any]: ...

# What the updates of a metric take, what its get() returns, the class of a vec's series.
_Given = TypeVar("_Given")
_Value = TypeVar("_Value")
_Series = TypeVar("_Series")

# For this file only: at run time the ten classes have no bases.

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
    def with_label_values(self, values: _Strings) -> _Series:
        """Return the series with these label values, created at 0 if it is new.

        values is a list of str in the order of variable_labels(). Keep the series where
        speed matters: it is as fast as a plain metric.

        Raises ValueError if there are not as many values as label names.
        """
    @overload
    def labels(self, *values: str) -> _Series:
        """Return the series with these label values, created at 0 if it is new.

        Values are given by name, or in the order of variable_labels().
        """
    @overload
    def labels(self, **labels: str) -> _Series: ...
    def remove(self, labels: dict[str, str]) -> bool:
        """Take the series with these labels out of the vec; return whether it was there.

        Handles of it still count, unseen; a new one starts at 0.
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
    def inc(self, *, exemplar: _Exemplar = None) -> None:
        """Add 1.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    def inc_by(self, value: _Given, *, exemplar: _Exemplar = None) -> None:
        """Add value; ValueError if it is negative or NaN.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    def get(self) -> _Value:
        """Return the count so far."""

class _CounterVec(_Vec[_Series], Generic[_Given, _Value, _Series]):
    def inc(self, labels: dict[str, str], *, exemplar: _Exemplar = None) -> None:
        """Add 1.

        labels, a dict, name the series, which is created at 0 if it is new.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    @overload
    def inc_by(self, value: _Given, labels: dict[str, str], *, exemplar: _Exemplar = None) -> None:
        """Add value; ValueError if it is negative or NaN.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    @overload
    def inc_by(
        self, labels: dict[str, str], /, value: _Given, *, exemplar: _Exemplar = None
    ) -> None: ...
    def get(self, labels: dict[str, str]) -> _Value:
        """Return the count so far.

        labels, a dict, name the series; 0 if there is none, and none is created.
        """

class _Gauge(_Metric, Generic[_Given, _Value]):
    def set(self, value: _Given) -> None:
        """Replace the value."""
    def inc(self) -> None:
        """Add 1."""
    def dec(self) -> None:
        """Subtract 1."""
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

class _GaugeVec(_Vec[_Series], Generic[_Given, _Value, _Series]):
    @overload
    def set(self, value: _Given, labels: dict[str, str]) -> None:
        """Replace the value.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def set(self, labels: dict[str, str], /, value: _Given) -> None: ...
    def inc(self, labels: dict[str, str]) -> None:
        """Add 1.

        labels, a dict, name the series, which is created at 0 if it is new.
        """
    def dec(self, labels: dict[str, str]) -> None:
        """Subtract 1.

        labels, a dict, name the series, which is created at 0 if it is new.
        """
    @overload
    def inc_by(self, value: _Given, labels: dict[str, str]) -> None:
        """Add value; the same as add().

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def inc_by(self, labels: dict[str, str], /, value: _Given) -> None: ...
    @overload
    def dec_by(self, value: _Given, labels: dict[str, str]) -> None:
        """Subtract value; the same as sub().

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def dec_by(self, labels: dict[str, str], /, value: _Given) -> None: ...
    @overload
    def add(self, value: _Given, labels: dict[str, str]) -> None:
        """Add value, which may be negative.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def add(self, labels: dict[str, str], /, value: _Given) -> None: ...
    @overload
    def sub(self, value: _Given, labels: dict[str, str]) -> None:
        """Subtract value, which may be negative.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def sub(self, labels: dict[str, str], /, value: _Given) -> None: ...
    def get(self, labels: dict[str, str]) -> _Value:
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
    """A counter of whole things; it stays at 2**64 - 1 rather than starting over.

    Updates take integers up to 2**64 - 1: larger ones raise OverflowError, floats TypeError.
    """

@final
class IntCounterVec(_CounterVec[_Int, int, IntCounter]):
    """Counters of whole things, one for each combination of label values.

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
    """A gauge of whole things; it stays at the limits of 64 bits rather than wrapping round.

    Updates take integers from -2**63 to 2**63 - 1: others raise OverflowError, floats TypeError.
    """

@final
class IntGaugeVec(_GaugeVec[_Int, int, IntGauge]):
    """Gauges of whole things, one for each combination of label values.

    Whatever takes labels raises ValueError if one is missing or unknown.
    Updates take integers from -2**63 to 2**63 - 1: others raise OverflowError, floats TypeError.
    """

@final
class Histogram(_Metric):
    """Counts observations in buckets and sums them up."""

    def observe(self, value: _Float, *, exemplar: _Exemplar = None) -> None:
        """Count one observation; ValueError if value is NaN.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    def get_sample_count(self) -> int:
        """Return the number of observations."""
    def get_sample_sum(self) -> float:
        """Return the sum of the observations."""
    def time(self) -> Timer:
        """Return a timer: of a with block, or of each call of the function it decorates.

        It observes seconds, on every way out, exceptions included.
        """

@final
class HistogramVec(_Vec[Histogram]):
    """Histograms, one for each combination of label values.

    Whatever takes labels raises ValueError if one is missing or unknown.
    """

    @overload
    def observe(self, value: _Float, labels: dict[str, str], *, exemplar: _Exemplar = None) -> None:
        """Count one observation; ValueError if value is NaN.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.

        exemplar, a dict such as {"trace_id": "..."}, is kept as an example; ValueError for more
        than 128 characters.
        """
    @overload
    def observe(
        self, labels: dict[str, str], /, value: _Float, *, exemplar: _Exemplar = None
    ) -> None: ...
    def get_sample_count(self, labels: dict[str, str]) -> int:
        """Return the number of observations.

        labels, a dict, name the series; 0 if there is none, and none is created.
        """
    def get_sample_sum(self, labels: dict[str, str]) -> float:
        """Return the sum of the observations.

        labels, a dict, name the series; 0 if there is none, and none is created.
        """

@final
class RuntimeMetrics:
    """The metrics of one runtime, namespace, component or endpoint.

    Every create_*() takes the name, which the node's path completes (full_name=True keeps it as it
    stands), the description, shown as HELP, and constant labels, a dict or a list of pairs, which
    follow those of the hierarchy. A vec also takes label_names, a list: the names of the labels
    whose values tell its series apart. unit, "seconds" for example, is shown by formats that have a
    place for it; the name must end in it, before a counter's _total. Creating an identical metric
    again returns the first one.

    Every create_*() raises MetricsError, a ValueError, if a name or label cannot be used or the
    metric conflicts with another; TypeError if an argument is of the wrong type.
    """

    def create_counter(
        self,
        name: str,
        description: str,
        labels: _Labels = None,
        *,
        unit: str | None = None,
        full_name: bool = False,
    ) -> Counter:
        """Create a counter of floats."""
    def create_intcounter(
        self,
        name: str,
        description: str,
        labels: _Labels = None,
        *,
        unit: str | None = None,
        full_name: bool = False,
    ) -> IntCounter:
        """Create a counter of whole things."""
    def create_gauge(
        self,
        name: str,
        description: str,
        labels: _Labels = None,
        *,
        unit: str | None = None,
        full_name: bool = False,
    ) -> Gauge:
        """Create a gauge of floats."""
    def create_intgauge(
        self,
        name: str,
        description: str,
        labels: _Labels = None,
        *,
        unit: str | None = None,
        full_name: bool = False,
    ) -> IntGauge:
        """Create a gauge of whole things."""
    def create_histogram(
        self,
        name: str,
        description: str,
        labels: _Labels = None,
        buckets: _Bounds = None,
        *,
        native: bool = False,
        schema: _Int | None = None,
        growth_factor: _Float | None = None,
        zero_threshold: _Float | None = None,
        max_buckets: _Int | None = None,
        unit: str | None = None,
        full_name: bool = False,
    ) -> Histogram:
        """Create a histogram.

        buckets are its upper bounds, by default 0.005 to 10 (DEFAULT); +Inf is added by itself.

        With native=True it has native buckets, which grow by a constant factor and exist where
        something was observed, and classic ones only if buckets are given. schema, from -4 to 8
        (default 3: 9 % a bucket), or growth_factor says how fine they are; values within
        zero_threshold (default 2**-128) count as zero; more than max_buckets (default 160) halve
        the resolution.
        """
    def create_countervec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        *,
        max_series: _Int | None = None,
        idle_timeout: _Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
    ) -> CounterVec:
        """Create counters of floats, one for each combination of values of label_names.

        max_series and idle_timeout limit how many there are, and for how long one stays that is not
        updated; see set_max_series() and set_idle_timeout().
        """
    def create_intcountervec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        *,
        max_series: _Int | None = None,
        idle_timeout: _Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
    ) -> IntCounterVec:
        """Create counters of whole things, one for each combination of values of label_names.

        max_series and idle_timeout limit how many there are, and for how long one stays that is not
        updated; see set_max_series() and set_idle_timeout().
        """
    def create_gaugevec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        *,
        max_series: _Int | None = None,
        idle_timeout: _Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
    ) -> GaugeVec:
        """Create gauges of floats, one for each combination of values of label_names.

        max_series and idle_timeout limit how many there are, and for how long one stays that is not
        updated; see set_max_series() and set_idle_timeout().
        """
    def create_intgaugevec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        *,
        max_series: _Int | None = None,
        idle_timeout: _Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
    ) -> IntGaugeVec:
        """Create gauges of whole things, one for each combination of values of label_names.

        max_series and idle_timeout limit how many there are, and for how long one stays that is not
        updated; see set_max_series() and set_idle_timeout().
        """
    def create_histogramvec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        buckets: _Bounds = None,
        *,
        native: bool = False,
        schema: _Int | None = None,
        growth_factor: _Float | None = None,
        zero_threshold: _Float | None = None,
        max_buckets: _Int | None = None,
        max_series: _Int | None = None,
        idle_timeout: _Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
    ) -> HistogramVec:
        """Create histograms, one for each combination of values of label_names.

        For their buckets see create_histogram(), for max_series and idle_timeout see
        create_countervec().
        """
    def register_callback(self, callback: Callable[[], None]) -> CallbackHandle:
        """Have callback run, without arguments, before each scrape that shows this node.

        It runs on a thread of its own. All callbacks of a scrape have DYN_METRICS_CALLBACK_TIMEOUT
        (1 s) together; one that raises or is late is counted and logged once, and the scrape
        answers without it.

        Raises TypeError if callback cannot be called or is an async function.
        """
    def register_prometheus_expfmt_callback(
        self, callback: Callable[[], str | bytes]
    ) -> CallbackHandle:
        """Have callback return another library's metrics before each scrape that shows this node.

        The text, a str or UTF-8 bytes, is in a format of Prometheus or in OpenMetrics 1. Its
        families stand among our own, one for each name, without further labels; what cannot be
        understood or is there already is left out and counted. For deadlines and errors see
        register_callback(); a text that cannot be had is shown as it last was, for up to five
        minutes.

        Raises TypeError if callback cannot be called or is an async function.
        """
    def register_collector(
        self,
        registry: _Collector,
        *,
        prefixes: _Strings | None = None,
        exclude: _Strings | None = None,
        labels: _Labels = None,
        hierarchy_labels: bool = True,
        cache: _Float | None = None,
    ) -> CallbackHandle:
        """Show the metrics of a prometheus_client registry among those of this node.

        They get labels, a dict or a list of pairs, and the hierarchy's, unless
        hierarchy_labels=False; a series that has a label of such a name keeps its own. With
        prefixes, a list, only families whose names begin with one of them are taken; those that
        begin with one of exclude are not, by default process_ and python_. The registry is asked
        anew when its metrics are older than cache seconds, by default at every scrape. For the rest
        see register_prometheus_expfmt_callback().

        Raises TypeError if registry has no collect(), ImportError without prometheus_client,
        ValueError for a label name or a time that cannot be used.
        """
    def exposition(
        self, accept: str = "", accept_encoding: str = "", timeout: _Float | None = None
    ) -> tuple[str, str | None, bytes]:
        """Return the page for an HTTP request: Content-Type, Content-Encoding or None, the body.

        accept and accept_encoding are the request's headers. timeout is how long the reader waits,
        in seconds; callbacks get four fifths of it. They run before, as for prometheus_expfmt().

        Raises ValueError for a timeout below 0.
        """
    def prometheus_expfmt(self) -> str:
        """Return the metrics of this node and all below it, in the Prometheus text format.

        Their callbacks run before, except when this is called inside a callback.
        """
    def unregister(self, metric: _Metric) -> bool:
        """Take a metric, plain or vec, out of the scrape; return whether it was in.

        Handles of it still count, unseen.

        Raises ValueError for one series of a vec, which the vec's remove() takes out.
        """

@final
class CallbackHandle:
    """A registered callback. Dropping the handle leaves the callback registered."""

    def unregister(self) -> bool:
        """Run the callback no more; return whether it was registered."""

class MetricsError(ValueError, RuntimeError):
    """A metric was not created; the message names the value, the rule and the way out.

    Its name, a label or its buckets cannot be used, or it conflicts with another metric. Both a
    ValueError and a RuntimeError, which Dynamo's own bindings raised.
    """

# Upper bounds of buckets, in seconds.
DEFAULT: Final[tuple[float, ...]]
TTFT: Final[tuple[float, ...]]
ITL: Final[tuple[float, ...]]
REQUEST_DURATION: Final[tuple[float, ...]]

def linear_buckets(start: _Float, width: _Float, count: _Int) -> list[float]:
    """Return count bucket bounds from start, width apart.

    Raises MetricsError, a ValueError, if count is not in 1 to 10000, width is not above 0, or a
    bound is not finite.
    """

def exponential_buckets(start: _Float, factor: _Float, count: _Int) -> list[float]:
    """Return count bucket bounds from start, each factor times the one before.

    Raises MetricsError, a ValueError, if count is not in 1 to 10000, start is not above 0, factor
    is not above 1, or a bound is not finite.
    """

# For dynamo.runtime only: nodes, the thread that runs callbacks, the log, the end and forks.

@final
class Node:
    """A place in the hierarchy of one runtime. Equal to every other node of the same place."""

    @staticmethod
    def runtime(*, name_style: str | None = None) -> Node:
        """Return the root of a new tree, or of the one that serves the same fixed port already.

        Settings come from the environment; name_style, if given, wins over its variable.

        Raises ValueError for a wrong setting, OSError if the status server cannot listen.
        """
    def namespace(self, name: str) -> Node:
        """Return a namespace of the runtime, or nested in this one."""
    def component(self, name: str) -> Node:
        """Return a component of this namespace."""
    def endpoint(self, name: str) -> Node:
        """Return an endpoint of this component."""
    @property
    def metrics(self) -> RuntimeMetrics:
        """The metrics of this node."""
    @property
    def serves_process_metrics(self) -> bool:
        """Whether there is a page that shows figures of the whole process."""
    @property
    def system_status_address(self) -> str | None:
        """Where the status server listens, "host:port", or None."""
    def set_health_status(self, status: str) -> None:
        """Set what /health says: of an endpoint, or of the runtime while no endpoint reports."""
    def clear_health_status(self) -> None:
        """Let /health forget this endpoint: it is served no more."""
    def shutdown(self) -> None:
        """Stop the status server, within a second, and forget all callbacks."""

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
        """Whether what the callback returns is a text of metrics."""
    def finish(self, succeeded: bool, text: str | None = None) -> bool:
        """Say how it went; return whether to log it, true for the first failure of a callback.

        text is what the callback returned, if it is one that returns text.
        """

def next_job(patience: float | None = None) -> Job | Literal[False] | None:
    """Wait for the next callback to run, without the GIL; None when there will be no more.

    With patience, a number of seconds, False if there was nothing to do for so long. The thread
    that calls this is the one that runs user code; how long it waits for the GIL is counted.
    """

def nudge_jobs() -> None:
    """Wake the thread that waits for callbacks, for it to wait anew with another patience."""

def observe_event_loop_lag(seconds: float) -> None:
    """Count by how many seconds an event loop ran a call late."""

def count_garbage(generation: int, collections: int, collected: int, uncollectable: int) -> None:
    """Take over what gc.get_stats() counts for one generation; ones beyond 2 are not shown."""

def stop_jobs() -> None:
    """Hand out no more callbacks and wake the thread that waits for them."""

def next_message() -> tuple[int, str] | None:
    """Wait for the next message, without the GIL; None when there will be no more.

    A message is its level, as logging counts, and its text.
    """

def stop_messages() -> None:
    """Take no more messages and wake the thread that waits for them."""

def require_main_interpreter() -> None:
    """Raise ImportError in a sub-interpreter.

    All interpreters of the process would share the objects of this module.
    """

def stop_servers() -> None:
    """Stop all status servers, within a second, without the GIL."""
