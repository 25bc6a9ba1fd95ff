"""Where metrics are created: the ``metrics`` of every node."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar, final

from dynamo_metrics import _arguments, _named_callbacks
from dynamo_metrics._collector import exposition_of
from dynamo_metrics._errors import MetricsError
from dynamo_metrics._identity import only_object
from dynamo_metrics._native import (
    Counter,
    CounterVec,
    Gauge,
    GaugeVec,
    Histogram,
    HistogramVec,
    IntCounter,
    IntCounterVec,
    IntGauge,
    IntGaugeVec,
    Summary,
    SummaryVec,
)
from dynamo_metrics._refusals import names_metric
from dynamo_metrics._threads.callbacks import start_callbacks
from dynamo_metrics.prometheus_names import distributed_runtime, name_prefix, work_handler

if TYPE_CHECKING:
    from dynamo_metrics import _native
    from dynamo_metrics._native import CallbackHandle
    from dynamo_metrics._types import Across, Bounds, Collector, Float, Int, Labels, Strings

_M = TypeVar("_M")

_OWN_PREFIXES = (f"{name_prefix.RUNTIME}_", "process_", "python_gc_")
_OWN = frozenset(
    f"{name_prefix.COMPONENT}_{name}"
    for names in (distributed_runtime, work_handler)
    for constant, name in vars(names).items()
    if constant.isupper()
)
"""The metrics of the runtime itself and of serving, which no ``replace=True`` replaces."""


@final
class RuntimeMetrics:
    """The metrics of one runtime, namespace, component or endpoint.

    Every ``create_*()`` takes

    - ``name``: the node's path completes it, unless ``full_name=True`` keeps it as it stands;
    - ``description``: shown as HELP;
    - ``labels`` or ``const_labels``: constant labels, a dict or a list of (name, value) pairs,
      which follow those of the hierarchy;
    - ``label_names``, for a vec: a list of the names whose values tell its series apart;
    - ``unit``: ``"seconds"`` for example, for formats that show it. The name must end in it, before
      the ``_total`` of a counter;
    - ``replace``: with True, the metric takes the place of those of this node that have its name
      and conflict with it, for code that is edited and run again. Those of the runtime itself stay.

    Creating an identical metric again returns the first one.

    Every ``create_*()`` raises ``MetricsError``, a ``ValueError``, if a name or label is refused or
    the metric conflicts with another; ``TypeError`` if an argument is of the wrong type.
    """

    __module__ = "dynamo_metrics"
    __slots__ = ("__weakref__", "_before_rendering", "_node")

    def __init__(
        self, node: _native.Node, before_rendering: Callable[[], None] | None = None
    ) -> None:
        """Nodes make this; ``before_rendering`` is called first when Python renders the node."""
        self._node = node
        self._before_rendering = before_rendering

    @names_metric
    def create_counter(
        self,
        name: str,
        description: str,
        labels: Labels = None,
        *,
        unit: str | None = None,
        full_name: bool = False,
        replace: bool = False,
    ) -> Counter:
        """Create a counter of floats."""
        return self._create(Counter, name, description, unit, full_name, labels, replace)

    @names_metric
    def create_intcounter(
        self,
        name: str,
        description: str,
        labels: Labels = None,
        *,
        unit: str | None = None,
        full_name: bool = False,
        replace: bool = False,
    ) -> IntCounter:
        """Create a counter of integers."""
        return self._create(IntCounter, name, description, unit, full_name, labels, replace)

    @names_metric
    def create_gauge(
        self,
        name: str,
        description: str,
        labels: Labels = None,
        *,
        unit: str | None = None,
        full_name: bool = False,
        across: Across | None = None,
        replace: bool = False,
    ) -> Gauge:
        """Create a gauge of floats.

        ``across`` is how processes that share a directory show it: ``"each"`` (the default, with
        the label ``dynamo_process``), ``"sum"``, ``"min"``, ``"max"`` or ``"last"``.
        """
        return self._create(
            Gauge, name, description, unit, full_name, labels, replace, across=across
        )

    @names_metric
    def create_intgauge(
        self,
        name: str,
        description: str,
        labels: Labels = None,
        *,
        unit: str | None = None,
        full_name: bool = False,
        across: Across | None = None,
        replace: bool = False,
    ) -> IntGauge:
        """Create a gauge of integers; for ``across`` see ``create_gauge()``."""
        return self._create(
            IntGauge, name, description, unit, full_name, labels, replace, across=across
        )

    @names_metric
    def create_histogram(
        self,
        name: str,
        description: str,
        labels: Labels = None,
        buckets: Bounds = None,
        *,
        native: bool = False,
        schema: Int | None = None,
        growth_factor: Float | None = None,
        zero_threshold: Float | None = None,
        max_buckets: Int | None = None,
        unit: str | None = None,
        full_name: bool = False,
        replace: bool = False,
    ) -> Histogram:
        """Create a histogram.

        ``buckets`` are its upper bounds, by default 0.005 to 10 (``DEFAULT_BUCKETS``); +Inf is
        added by itself.

        With ``native=True`` it has native buckets, which grow by a constant factor and exist where
        something was observed, and classic ones only if ``buckets`` are given. ``schema``, from -4
        to 8 (default 3: 9 % a bucket), or ``growth_factor`` says how fine they are; values within
        ``zero_threshold`` (default 2**-128) count as zero; more than ``max_buckets`` (default 160)
        halve the resolution. Each of the four without ``native=True`` raises ``ValueError``.
        """
        return self._create(
            Histogram,
            name,
            description,
            unit,
            full_name,
            labels,
            replace,
            buckets=_arguments.bounds(buckets),
            native=_arguments.native_buckets(
                native, schema, growth_factor, zero_threshold, max_buckets
            ),
        )

    @names_metric
    def create_countervec(
        self,
        name: str,
        description: str,
        label_names: Strings,
        const_labels: Labels = None,
        *,
        max_series: Int | None = None,
        idle_timeout: Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
        replace: bool = False,
    ) -> CounterVec:
        """Create counters of floats, one for each combination of values of ``label_names``.

        ``max_series`` limits the number of series, ``idle_timeout`` the seconds that a series stays
        without an update; see ``set_max_series()`` and ``set_idle_timeout()`` of the vec.
        """
        return self._create_vec(
            CounterVec,
            *(name, description, unit, full_name, label_names, const_labels, replace),
            max_series=max_series,
            idle_timeout=idle_timeout,
        )

    @names_metric
    def create_intcountervec(
        self,
        name: str,
        description: str,
        label_names: Strings,
        const_labels: Labels = None,
        *,
        max_series: Int | None = None,
        idle_timeout: Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
        replace: bool = False,
    ) -> IntCounterVec:
        """Create counters of integers, one for each combination of values of ``label_names``.

        For ``max_series`` and ``idle_timeout`` see ``create_countervec()``.
        """
        return self._create_vec(
            IntCounterVec,
            *(name, description, unit, full_name, label_names, const_labels, replace),
            max_series=max_series,
            idle_timeout=idle_timeout,
        )

    @names_metric
    def create_gaugevec(
        self,
        name: str,
        description: str,
        label_names: Strings,
        const_labels: Labels = None,
        *,
        max_series: Int | None = None,
        idle_timeout: Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
        across: Across | None = None,
        replace: bool = False,
    ) -> GaugeVec:
        """Create gauges of floats, one for each combination of values of ``label_names``.

        For ``max_series`` and ``idle_timeout`` see ``create_countervec()``, for
        ``across`` see ``create_gauge()``.
        """
        return self._create_vec(
            GaugeVec,
            *(name, description, unit, full_name, label_names, const_labels, replace),
            max_series=max_series,
            idle_timeout=idle_timeout,
            across=across,
        )

    @names_metric
    def create_intgaugevec(
        self,
        name: str,
        description: str,
        label_names: Strings,
        const_labels: Labels = None,
        *,
        max_series: Int | None = None,
        idle_timeout: Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
        across: Across | None = None,
        replace: bool = False,
    ) -> IntGaugeVec:
        """Create gauges of integers, one for each combination of values of ``label_names``.

        For ``max_series`` and ``idle_timeout`` see ``create_countervec()``, for
        ``across`` see ``create_gauge()``.
        """
        return self._create_vec(
            IntGaugeVec,
            *(name, description, unit, full_name, label_names, const_labels, replace),
            max_series=max_series,
            idle_timeout=idle_timeout,
            across=across,
        )

    @names_metric
    def create_histogramvec(
        self,
        name: str,
        description: str,
        label_names: Strings,
        const_labels: Labels = None,
        buckets: Bounds = None,
        *,
        native: bool = False,
        schema: Int | None = None,
        growth_factor: Float | None = None,
        zero_threshold: Float | None = None,
        max_buckets: Int | None = None,
        max_series: Int | None = None,
        idle_timeout: Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
        replace: bool = False,
    ) -> HistogramVec:
        """Create histograms, one for each combination of values of ``label_names``.

        For their buckets see ``create_histogram()``, for ``max_series`` and ``idle_timeout`` see
        ``create_countervec()``.
        """
        return self._create_vec(
            HistogramVec,
            *(name, description, unit, full_name, label_names, const_labels, replace),
            max_series=max_series,
            idle_timeout=idle_timeout,
            buckets=_arguments.bounds(buckets),
            native=_arguments.native_buckets(
                native, schema, growth_factor, zero_threshold, max_buckets
            ),
        )

    @names_metric
    def create_summary(
        self,
        name: str,
        description: str,
        labels: Labels = None,
        *,
        unit: str | None = None,
        full_name: bool = False,
        replace: bool = False,
    ) -> Summary:
        """Create a summary: the count and the sum of observations, at the cost of two series."""
        return self._create(Summary, name, description, unit, full_name, labels, replace)

    @names_metric
    def create_summaryvec(
        self,
        name: str,
        description: str,
        label_names: Strings,
        const_labels: Labels = None,
        *,
        max_series: Int | None = None,
        idle_timeout: Float | None = None,
        unit: str | None = None,
        full_name: bool = False,
        replace: bool = False,
    ) -> SummaryVec:
        """Create summaries, one for each combination of values of ``label_names``.

        For ``max_series`` and ``idle_timeout`` see ``create_countervec()``.
        """
        return self._create_vec(
            SummaryVec,
            *(name, description, unit, full_name, label_names, const_labels, replace),
            max_series=max_series,
            idle_timeout=idle_timeout,
        )

    @names_metric
    def create_info(
        self,
        name: str,
        description: str,
        labels: Labels = None,
        *,
        full_name: bool = False,
        replace: bool = False,
    ) -> IntGauge:
        """Create a gauge of value 1 whose labels are the information, such as a version.

        The name gets the suffix ``_info`` if it does not have it.
        """
        suffix = "_info"
        name = _arguments.text(name, "name")
        name = name if name.endswith(suffix) else f"{name}{suffix}"
        # The processes that share a directory show equal information once.
        info = self._create(
            IntGauge, name, description, None, full_name, labels, replace, across="max"
        )
        info.set(1)
        return info

    def register_callback(self, callback: Callable[[], None]) -> CallbackHandle:
        """Run ``callback``, without arguments, before each scrape that shows this node.

        It runs on a thread of its own. All callbacks of a scrape have
        ``DYN_METRICS_CALLBACK_TIMEOUT`` (1 s) together; one that raises or is late is counted and
        logged once, and the scrape answers without it. A function of a module takes the place of an
        earlier definition of it, from before a reload or of an earlier notebook cell.

        Raises ``TypeError`` if ``callback`` cannot be called or is an async function.
        """
        name = self._prepared(callback)
        node = self._node
        return _named_callbacks.register(
            self._key("callback"),
            name,
            callback,
            lambda callback: node.register_callback(name, callback),
        )

    def register_prometheus_expfmt_callback(
        self, callback: Callable[[], str | bytes]
    ) -> CallbackHandle:
        """Show the metrics text that ``callback`` returns before each scrape that shows this node.

        The text, a str or UTF-8 bytes, is in a format of Prometheus or in OpenMetrics 1. Its
        families stand among those of this node, one for each name, without further labels. Families
        that cannot be parsed and duplicate series are left out and counted. For deadlines and
        errors see ``register_callback()``; a text that is late or fails is shown as it last was,
        for up to five minutes.

        Raises ``TypeError`` if ``callback`` cannot be called or is an async function.
        """
        name = self._prepared(callback)
        node = self._node
        return _named_callbacks.register(
            self._key("expfmt"),
            name,
            callback,
            lambda callback: node.register_text_callback(
                name, callback, labels=[], prefixes=[], exclude=[]
            ),
        )

    def register_collector(
        self,
        registry: Collector,
        *,
        prefixes: Strings | None = None,
        exclude: Strings | None = None,
        labels: Labels = None,
        hierarchy_labels: bool = True,
        cache: Float | None = None,
    ) -> CallbackHandle:
        """Show the metrics of a ``prometheus_client`` registry among those of this node.

        They get ``labels``, a dict or a list of pairs, and the hierarchy's, unless
        ``hierarchy_labels=False``; a series that has a label of such a name keeps its own. With
        ``prefixes``, a list, only families whose names begin with one of them are taken; those that
        begin with one of ``exclude`` are not, by default ``process_`` and ``python_``. The registry
        is asked anew when its metrics are older than ``cache`` seconds, by default at every scrape.
        For the rest see ``register_prometheus_expfmt_callback()``.

        Raises ``TypeError`` if ``registry`` has no ``collect()``, ``ImportError`` without
        ``prometheus_client``, ``ValueError`` for a label name or a time that is refused.
        """
        callback = exposition_of(registry, self._node.tree_id)
        added = _arguments.pairs(labels)
        if hierarchy_labels:
            given = {name for name, _ in added}
            added += [pair for pair in self._node.hierarchy_labels if pair[0] not in given]
        excluded = ["process_", "python_"]
        if exclude is not None:
            excluded = _arguments.strings(exclude, "exclude")
        wanted = [] if prefixes is None else _arguments.strings(prefixes, "prefixes")
        return self._node.register_text_callback(
            self._prepared(callback),
            callback,
            labels=added,
            prefixes=wanted,
            exclude=excluded,
            cache=cache,
        )

    def exposition(
        self,
        accept: str = "",
        accept_encoding: str = "",
        timeout: Float | None = None,
        *,
        names: Iterable[str] = (),
    ) -> tuple[str, str | None, bytes]:
        """Return the answer to an HTTP request: Content-Type, Content-Encoding or None, the body.

        ``accept`` and ``accept_encoding`` are the request's headers. ``timeout`` is how long the
        reader waits, in seconds; callbacks get four fifths of it. They run before, as for
        ``prometheus_expfmt()``. ``names``, if there are any, narrows the exposition to the families
        of these names, or with samples of these names.

        Raises ``ValueError`` for a timeout below 0.
        """
        self._prepare_rendering()
        return self._node.exposition(accept, accept_encoding, timeout, list(names))

    def prometheus_expfmt(self) -> str:
        """Return the metrics of this node and all below it, in the Prometheus text format.

        Their callbacks run before, except when this is called inside a callback.
        """
        self._prepare_rendering()
        return self._node.prometheus_expfmt()

    def unregister(self, metric: _native._Metric) -> bool:
        """Take a metric, plain or vec, out of the scrape; return whether it was in.

        Handles of it still count, unseen.

        Raises ``ValueError`` for one series of a vec, which ``remove()`` of the vec takes out;
        ``TypeError`` for what is not a metric.
        """
        return self._node.unregister(metric)

    def _create(
        self,
        kind: type[_M],
        name: str,
        description: str,
        unit: str | None,
        full_name: bool,
        labels: Labels,
        replace: bool,
        *,
        across: Across | None = None,
        buckets: list[float] | None = None,
        native: _native._NativeBuckets | None = None,
    ) -> _M:
        name = _arguments.text(name, "name")
        description = _arguments.text(description, "description")
        pairs = _arguments.const_labels(labels, f"create_{kind.__name__.lower()}vec")
        unit = None if unit is None else _arguments.text(unit, "unit")
        return self._made(
            lambda: self._node.create(
                kind,
                name,
                description,
                pairs,
                [],
                unit=unit,
                full_name=full_name,
                across=_arguments.across(across),
                buckets=buckets,
                native=native,
            ),
            replace,
        )

    def _create_vec(
        self,
        kind: type[_M],
        name: str,
        description: str,
        unit: str | None,
        full_name: bool,
        label_names: Strings,
        const_labels: Labels,
        replace: bool,
        *,
        max_series: Int | None,
        idle_timeout: Float | None,
        across: Across | None = None,
        buckets: list[float] | None = None,
        native: _native._NativeBuckets | None = None,
    ) -> _M:
        name = _arguments.text(name, "name")
        description = _arguments.text(description, "description")
        unit = None if unit is None else _arguments.text(unit, "unit")
        names = _arguments.strings(label_names, "label_names")
        pairs = _arguments.pairs(const_labels, "const_labels")
        limit = None if max_series is None else _arguments.integer(max_series, "max_series")
        timeout = None if idle_timeout is None else _arguments.number(idle_timeout, "idle_timeout")
        return self._made(
            lambda: self._node.create(
                kind,
                name,
                description,
                pairs,
                names,
                unit=unit,
                full_name=full_name,
                across=_arguments.across(across),
                max_series=limit,
                idle_timeout=timeout,
                buckets=buckets,
                native=native,
            ),
            replace,
        )

    def _made(self, create: Callable[[], tuple[int, _M]], replace: bool) -> _M:
        """Return the metric that ``create`` makes, in place of those it conflicts with if asked."""
        try:
            return only_object(*create())
        except MetricsError as error:
            if not (error.reason == "conflict" and self._may_replace(error)):
                raise
            if not replace:
                error.args = (f"{error}; replace=True replaces it",)
                raise
            self._node.unregister_named(str(error.name))
        return only_object(*create())

    def _may_replace(self, error: MetricsError) -> bool:
        """Return whether the conflict is with metrics of this node and name, not the runtime's."""
        name = str(error.name)
        # In style ``component``, metrics of the user have such names as well.
        is_own = name in _OWN and self._node.name_style != "component"
        return (
            len({*error.owners}) == 1
            and not (is_own or name.startswith(_OWN_PREFIXES))
            and any(family == name for family, _, _ in self._node.families())
        )

    def _families(self) -> list[tuple[str, str, str]]:
        """Return the name, type and description of each family, with and without series."""
        return self._node.families()

    def _tree_id(self) -> int:
        """Return a number that all nodes of one runtime share."""
        return self._node.tree_id

    def _key(self, method: str) -> _named_callbacks.Key:
        """Return what tells callbacks of the same name apart."""
        return (self._node.tree_id, *self._node.path, method)

    def _prepared(self, callback: Callable[[], object]) -> str:
        """Return the name of a callback, and start the thread that runs it."""
        name = _arguments.callback_name(callback)
        start_callbacks()
        return name

    def _prepare_rendering(self) -> None:
        if self._before_rendering is not None:
            self._before_rendering()
        if self._node.has_callbacks:
            start_callbacks()
