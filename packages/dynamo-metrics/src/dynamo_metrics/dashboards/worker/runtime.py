"""The row ``Runtime``: Python, the process, and the metrics themselves."""

from __future__ import annotations

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards import alerts
from dynamo_metrics.dashboards._board import Row
from dynamo_metrics.dashboards._panels import Query, heatmap, timeseries
from dynamo_metrics.dashboards._scope import aggregated, total
from dynamo_metrics.dashboards.recordings import WORKER
from dynamo_metrics.dashboards.worker._chosen import BY_INSTANCE, CHOSEN


def row() -> Row:
    """Return the row."""
    return "Runtime", [
        timeseries(
            "GIL wait by worker, p99",
            "How long a thread waits for Python's lock. Above 5 ms something holds it: a C "
            "extension, or threads that compute.",
            Query(CHOSEN.quantile(0.99, signals.GIL_WAIT, *WORKER), BY_INSTANCE),
            unit="s",
            limit=alerts.limit("DynamoGilWaitHigh"),
        ),
        timeseries(
            "Event-loop lag by worker, p99",
            "How late the event loop runs what is due. All streams of the worker stall together.",
            Query(CHOSEN.quantile(0.99, signals.EVENT_LOOP_LAG, *WORKER), BY_INSTANCE),
            unit="s",
            limit=alerts.limit("DynamoEventLoopLagging"),
        ),
        timeseries(
            "CPU by worker",
            "Cores in use. At 1 a worker in pure Python is at its end, whatever the GPU does.",
            Query(CHOSEN.rate("process_cpu_seconds_total", *WORKER), BY_INSTANCE),
        ),
        heatmap(
            "GIL waits",
            "Waits per second, by length. A band far above the rest: a call holds the lock.",
            CHOSEN.rate(signals.GIL_WAIT + "_bucket", "le"),
            "s",
        ),
        heatmap(
            "Event-loop lags",
            "Lags per second, by length.",
            CHOSEN.rate(signals.EVENT_LOOP_LAG + "_bucket", "le"),
            "s",
        ),
        timeseries(
            "Memory by worker",
            "Resident memory. Steady growth without more requests is a leak.",
            Query(total(CHOSEN.series("process_resident_memory_bytes"), *WORKER), BY_INSTANCE),
            unit="bytes",
        ),
        timeseries(
            "Garbage collections",
            "Collections per second, by generation. Those of generation 2 stop all of Python.",
            Query(
                CHOSEN.rate("python_gc_collections_total", "generation"),
                "generation {{generation}}",
            ),
            unit="cps",
        ),
        timeseries(
            "File descriptors by worker",
            "Share of those allowed that are open. At 100 % no connection is accepted.",
            Query(
                f"{aggregated('max', CHOSEN.series('process_open_fds'), 'instance')} / "
                f"{aggregated('max', CHOSEN.series('process_max_fds'), 'instance')}",
                BY_INSTANCE,
            ),
            unit="percentunit",
            limit=alerts.limit("DynamoFileDescriptorsLow"),
        ),
        timeseries(
            "Scrapes by worker",
            "How long the last answer to Prometheus took, callbacks included.",
            Query(
                aggregated("max", CHOSEN.series("dynamo_runtime_scrape_duration_seconds"), *WORKER),
                BY_INSTANCE,
            ),
            unit="s",
        ),
        timeseries(
            "Failed callbacks by worker",
            "Metrics callbacks per second that raised or were late: what they set is old.",
            Query(signals.rates_or_none(CHOSEN, signals.CALLBACK_FAILURES, *WORKER), BY_INSTANCE),
            unit="cps",
        ),
        timeseries(
            "Lost metrics by worker",
            "Series, families and updates per second that are not shown: a limit is reached, or "
            "texts of other libraries are in conflict.",
            Query(signals.rates_or_none(CHOSEN, signals.LOSSES, *WORKER), BY_INSTANCE),
            unit="cps",
        ),
    ]
