"""What ``top`` shows of a target: a line for each stat.

The families are those of the live page, ``crates/dynamo-runtime/page/overview.js``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from dynamo_metrics.cli.top import _units as units
from dynamo_metrics.cli.top._history import Point, quantile, rate, total
from dynamo_metrics.scrape import Family

_Compute: TypeAlias = Callable[[Sequence[Point]], "float | None"]
_OUR_OWN = re.compile(r"dynamo_runtime_.*_total$")
"""The runtime's own counters are not the worker's."""


@dataclass(frozen=True)
class Stat:
    """One number of a target."""

    key: str
    """In JSON, with the unit."""
    title: str
    type: str
    """Of the families."""
    names: tuple[str, ...]
    """Patterns of the families; the first that is found is shown."""
    compute: _Compute
    format: Callable[[float], str]
    in_table: bool = True
    is_bad: bool = False
    """Whether anything above 0 is."""

    def family(self, families: Iterable[Family]) -> Family | None:
        """Return the family that the stat comes from."""
        candidates = [
            family
            for family in families
            if family.type == self.type and family.samples and not _OUR_OWN.match(family.name)
        ]
        for pattern in self.names:
            for family in candidates:
                if re.search(pattern, family.name):
                    return family
        return None


def _sum(points: Sequence[Point]) -> float | None:
    return total(points[-1][1].values()) if points else None


def _largest(points: Sequence[Point]) -> float | None:
    values = [value for value in points[-1][1].values() if value == value] if points else []
    return max(values, default=None)


def _quantiles(
    key: str, title: str, names: tuple[str, ...], shares: Iterable[float], in_table: bool
) -> Iterable[Stat]:
    for share in shares:
        name = f"p{share * 100:g}"
        yield Stat(
            f"{key}_{name}_seconds",
            f"{title}{name}",
            "histogram",
            names,
            partial(quantile, share),
            units.seconds,
            in_table,
        )


_LATENCY = (
    r"^dynamo_(component|frontend)_request_duration_seconds$",
    r"^vllm:e2e_request_latency_seconds$",
    r"(^|_)(latency|request_duration)_seconds$",
)
_TTFT = (r"^(vllm:|dynamo_frontend_)time_to_first_token_seconds$",)
_ITL = (r"^(vllm:|dynamo_frontend_)inter_token_latency_seconds$",)

STATS = (
    Stat(
        "requests_per_second",
        "REQ/S",
        "counter",
        (
            r"^dynamo_(component|frontend)_requests_total$",
            r"^vllm:request_success_total$",
            r"(^|_)requests_total$",
        ),
        rate,
        units.number,
    ),
    Stat(
        "generated_tokens_per_second",
        "TOK/S",
        "counter",
        (r"^vllm:generation_tokens_total$",),
        rate,
        units.number,
    ),
    *_quantiles("latency", "LAT ", _LATENCY, (0.5, 0.95), in_table=True),
    *_quantiles("time_to_first_token", "TTFT ", _TTFT, (0.5,), in_table=False),
    *_quantiles("time_to_first_token", "TTFT ", _TTFT, (0.95,), in_table=True),
    *_quantiles("inter_token_latency", "ITL ", _ITL, (0.5, 0.95), in_table=False),
    Stat(
        "running_requests",
        "RUN",
        "gauge",
        (
            r"^vllm:num_requests_running$",
            r"^dynamo_(component|frontend)_inflight_requests$",
        ),
        _sum,
        units.number,
    ),
    Stat(
        "waiting_requests",
        "WAIT",
        "gauge",
        (
            r"^vllm:num_requests_waiting$",
            r"^dynamo_(work_handler_queue_depth|frontend_queued_requests)$",
        ),
        _sum,
        units.number,
    ),
    Stat(
        "kv_cache_usage_ratio",
        "KV",
        "gauge",
        (
            r"^vllm:kv_cache_usage_perc$",
            r"^dynamo_component_(kvstats_)?gpu_cache_usage_percent$",
        ),
        _largest,
        units.ratio,
    ),
    Stat(
        "errors_per_second",
        "ERR/S",
        "counter",
        (r"^dynamo_component_errors_total$", r"(^|_)errors_total$"),
        rate,
        units.number,
        is_bad=True,
    ),
    Stat(
        "gil_wait_p95_seconds",
        "GIL p95",
        "histogram",
        (r"^dynamo_runtime_gil_wait_seconds$",),
        partial(quantile, 0.95),
        units.seconds,
        in_table=False,
    ),
    Stat(
        "event_loop_lag_p95_seconds",
        "LAG p95",
        "histogram",
        (r"^dynamo_runtime_event_loop_lag_seconds$",),
        partial(quantile, 0.95),
        units.seconds,
        in_table=False,
    ),
    Stat(
        "processes",
        "PROCS",
        "gauge",
        (r"^dynamo_runtime_processes$",),
        _sum,
        units.number,
        in_table=False,
    ),
    Stat(
        "cpu_cores",
        "CPU",
        "counter",
        (r"^process_cpu_seconds_total$",),
        rate,
        units.ratio,
    ),
    Stat(
        "memory_bytes",
        "MEM",
        "gauge",
        (r"^process_resident_memory_bytes$",),
        _sum,
        units.size,
    ),
)
"""In the order of the columns."""
COLUMNS = tuple(stat for stat in STATS if stat.in_table)
SPARKLINE = STATS[0]
"""The stat that the table draws."""
