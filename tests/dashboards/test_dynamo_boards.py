"""The queries of NVIDIA Dynamo's own Grafana boards, on what ``make run`` shows.

``dynamo_boards.json`` has facts of the boards of August 2026: how many expressions use a metric,
the labels they filter on and group by, the functions around it. Of 137 expressions, 34 ask for
metrics of other programs: the planner (18), the operator (10), DCGM (4), the node exporter (2).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.prometheus import Prometheus, configured
from tests.support.run import make_run
from tests.support.waiting import eventually

BOARDS = json.loads(Path(__file__).with_name("dynamo_boards.json").read_text())

TARGET_LABELS = {"namespace": "demo", "pod": "worker-0"}
"""What Kubernetes' service discovery adds to each target."""

ABSENT = {
    "dynamo_component_kv_cache_events_applied": "a KV indexer",
    "dynamo_component_router_kv_hit_rate": "a router with an index of KV caches",
    "dynamo_frontend_worker_active_prefill_tokens": "a router that tracks prefills",
    "dynamo_router_overhead_block_hashing_ms": "a router with an index of KV caches",
    "dynamo_router_overhead_indexer_find_matches_ms": "a router with an index of KV caches",
    "dynamo_router_overhead_seq_hashing_ms": "a router with an index of KV caches",
}
"""The families without data, and what they need that this project does not have."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus server that scrapes the frontend and the worker of ``make run``."""
    with make_run() as run:
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {
                    "job_name": "dynamo",
                    "static_configs": [
                        {"targets": [run.address, run.frontend], "labels": TARGET_LABELS}
                    ],
                }
            ],
        }
        with configured(config, tmp_path_factory.mktemp("prometheus")) as server:
            yield server


def test_the_boards_have_data_but_for_what_needs_other_programs(server: Prometheus) -> None:
    silent = {row["metric"]: _expression(row) for row in BOARDS}

    def all_others_have_data() -> bool | None:
        for metric, expression in list(silent.items()):
            if server.shows(expression):
                del silent[metric]
        return {_family(metric) for metric in silent} <= ABSENT.keys() or None

    try:
        eventually(all_others_have_data)
    except AssertionError:
        assert sorted({_family(metric) for metric in silent}) == sorted(ABSENT)
        raise
    assert {_family(metric) for metric in silent} == ABSENT.keys()
    assert _expressions(set(_families()) - ABSENT.keys()) >= 80


def _families() -> list[str]:
    return sorted({_family(row["metric"]) for row in BOARDS})


def _family(metric: str) -> str:
    for suffix in ("_bucket", "_count", "_sum"):
        if metric.endswith(suffix):
            return metric.removesuffix(suffix)
    return metric


def _expressions(families: set[str]) -> int:
    """The expressions that ask for these families: a mean asks for a sum and a count."""
    total = 0
    for family in families:
        parts = {
            row["metric"]: row["expressions"] for row in BOARDS if _family(row["metric"]) == family
        }
        means = max((parts.pop(f"{family}_{part}", 0) for part in ("sum", "count")), default=0)
        total += sum(parts.values()) + means
    return total


def _expression(row: dict[str, Any]) -> str:
    """An expression with the row's filters, functions and groups."""
    filters = ",".join(f'{label}=~"{_values(label)}"' for label in row["filters"])
    series = f"{row['metric']}{{{filters}}}"
    functions = row["functions"]
    for function in ("rate", "increase"):
        if function in functions:
            series = f"{function}({series}[10s])"
            break
    if "sum" in functions or "histogram_quantile" in functions:
        groups = set(row["groups"]) | ({"le"} if row["metric"].endswith("_bucket") else set())
        series = f"sum by ({', '.join(sorted(groups))}) ({series})"
    if "histogram_quantile" in functions:
        series = f"histogram_quantile(0.95, {series})"
    return series


def _values(label: str) -> str:
    """What a board's variable holds: one value, or any where it depends on what goes wrong."""
    return {"model": "llama-8b", "namespace": "demo", "error_type": ".*"}.get(label, ".+")
