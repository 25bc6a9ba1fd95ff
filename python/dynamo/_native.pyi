"""The native core of dynamo.

Import the public names from dynamo.runtime and dynamo.prometheus_metrics.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import (
    Final,
    Generic,
    Protocol,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    final,
    overload,
)

from dynamo._timer import Timer

# What updates take: a float, or an int, or what converts itself to one.
_Float: TypeAlias = SupportsFloat | SupportsIndex
_Int: TypeAlias = SupportsIndex

# Constant labels, and the upper bounds of buckets.
_Labels: TypeAlias = dict[str, str] | Iterable[tuple[str, str]] | None
_Bounds: TypeAlias = Iterable[_Float] | None

class _Strings(Protocol):
    # A list of str, or another sequence, but not a str itself, which can contain only str.
    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, index: int, /) -> str: ...
    def __contains__(self, item: object, /) -> bool: ...

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

class _Counter(_Metric, Generic[_Given, _Value]):
    def inc(self) -> None:
        """Add 1."""
    def inc_by(self, value: _Given) -> None:
        """Add value; ValueError if it is negative or NaN."""
    def get(self) -> _Value:
        """Return the count so far."""

class _CounterVec(_Vec[_Series], Generic[_Given, _Value, _Series]):
    def inc(self, labels: dict[str, str]) -> None:
        """Add 1.

        labels, a dict, name the series, which is created at 0 if it is new.
        """
    @overload
    def inc_by(self, value: _Given, labels: dict[str, str]) -> None:
        """Add value; ValueError if it is negative or NaN.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def inc_by(self, labels: dict[str, str], /, value: _Given) -> None: ...
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

    def observe(self, value: _Float) -> None:
        """Count one observation; ValueError if value is NaN."""
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
    def observe(self, value: _Float, labels: dict[str, str]) -> None:
        """Count one observation; ValueError if value is NaN.

        labels, a dict, name the series, which is created at 0 if it is new; they may come first.
        """
    @overload
    def observe(self, labels: dict[str, str], /, value: _Float) -> None: ...
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
    whose values tell its series apart. Creating an identical metric again returns the first one.

    Every create_*() raises MetricsError, a ValueError, if a name or label cannot be used or the
    metric conflicts with another; TypeError if an argument is of the wrong type.
    """

    def create_counter(
        self, name: str, description: str, labels: _Labels = None, *, full_name: bool = False
    ) -> Counter:
        """Create a counter of floats."""
    def create_intcounter(
        self, name: str, description: str, labels: _Labels = None, *, full_name: bool = False
    ) -> IntCounter:
        """Create a counter of whole things."""
    def create_gauge(
        self, name: str, description: str, labels: _Labels = None, *, full_name: bool = False
    ) -> Gauge:
        """Create a gauge of floats."""
    def create_intgauge(
        self, name: str, description: str, labels: _Labels = None, *, full_name: bool = False
    ) -> IntGauge:
        """Create a gauge of whole things."""
    def create_histogram(
        self,
        name: str,
        description: str,
        labels: _Labels = None,
        buckets: _Bounds = None,
        *,
        full_name: bool = False,
    ) -> Histogram:
        """Create a histogram.

        buckets are its upper bounds, by default 0.005 to 10 (DEFAULT); +Inf is added by itself.
        """
    def create_countervec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        *,
        full_name: bool = False,
    ) -> CounterVec:
        """Create counters of floats, one for each combination of values of label_names."""
    def create_intcountervec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        *,
        full_name: bool = False,
    ) -> IntCounterVec:
        """Create counters of whole things, one for each combination of values of label_names."""
    def create_gaugevec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        *,
        full_name: bool = False,
    ) -> GaugeVec:
        """Create gauges of floats, one for each combination of values of label_names."""
    def create_intgaugevec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        *,
        full_name: bool = False,
    ) -> IntGaugeVec:
        """Create gauges of whole things, one for each combination of values of label_names."""
    def create_histogramvec(
        self,
        name: str,
        description: str,
        label_names: _Strings,
        const_labels: _Labels = None,
        buckets: _Bounds = None,
        *,
        full_name: bool = False,
    ) -> HistogramVec:
        """Create histograms, one for each combination of values of label_names.

        buckets are their upper bounds, by default 0.005 to 10 (DEFAULT); +Inf is added by itself.
        """
    def register_callback(self, callback: Callable[[], None]) -> CallbackHandle:
        """Have callback run, without arguments, before each scrape that shows this node.

        It runs on a thread of its own. All callbacks of a scrape have DYN_METRICS_CALLBACK_TIMEOUT
        (1 s) together; one that raises or is late is counted and logged once, and the scrape
        answers without it.

        Raises TypeError if callback cannot be called or is an async function.
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
    def finish(self, succeeded: bool) -> bool:
        """Say how it went; return whether to log it, true for the first failure of a callback."""

def next_job() -> Job | None:
    """Wait for the next callback to run, without the GIL; None when there will be no more.

    The thread that calls this is the one that runs user code.
    """

def stop_jobs() -> None:
    """Hand out no more callbacks and wake the thread that waits for them."""

def next_message() -> tuple[int, str] | None:
    """Wait for the next message, without the GIL; None when there will be no more.

    A message is its level, as logging counts, and its text.
    """

def stop_messages() -> None:
    """Take no more messages and wake the thread that waits for them."""

def stop_servers() -> None:
    """Stop all status servers, within a second, without the GIL."""
