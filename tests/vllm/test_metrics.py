"""vLLM's families, and Dynamo's gauges of the engine, in the exposition of an endpoint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime
from dynamo.vllm._metrics import show_families, stat_logger
from tests.support.exposition import Family, exposition, sample, series
from tests.support.serving import endpoint_of
from tests.support.vllm import REAL, STUB

RECORDED = Path(__file__).parents[1] / "formats" / "vllm_metrics.txt"
ADDED = {
    "dynamo_namespace": "ns",
    "dynamo_component": "comp",
    "dynamo_endpoint": "generate",
    "model": "tiny",
}


def config(blocks: int | None = 600) -> Any:
    """As much of a ``VllmConfig`` as is looked at."""
    model = SimpleNamespace(served_model_name="tiny")
    return SimpleNamespace(model_config=model, cache_config=SimpleNamespace(num_gpu_blocks=blocks))


@pytest.fixture
def recorded(runtime: DistributedRuntime, monkeypatch: pytest.MonkeyPatch) -> dict[str, Family]:
    """The exposition of an endpoint whose process has the registry that a real vLLM once had."""
    text = RECORDED.read_text()
    from prometheus_client.parser import text_string_to_metric_families

    collector = SimpleNamespace(collect=lambda: text_string_to_metric_families(text))
    monkeypatch.setattr("prometheus_client.REGISTRY", collector)
    show_families(endpoint_of(runtime), "tiny")
    return exposition(runtime)


def test_every_series_of_vllm_is_there_once_with_the_hierarchy_labels_and_the_models(
    recorded: dict[str, Family],
) -> None:
    theirs = {
        name: family
        for name, family in exposition(RECORDED.read_text()).items()
        if name.startswith("vllm:")
    }
    ours = {name: family for name, family in recorded.items() if name.startswith("vllm:")}
    assert sorted(ours) == sorted(theirs)
    for name, family in theirs.items():
        expected = [one._replace(labels={**one.labels, **ADDED}) for one in family.samples]
        assert sorted(ours[name].samples, key=repr) == sorted(
            [one._replace(labels=dict(sorted(one.labels.items()))) for one in expected], key=repr
        )


def test_nothing_of_the_registry_but_vllms_families_is_shown(recorded: dict[str, Family]) -> None:
    own = ("vllm:", "dynamo_", "process_", "python_gc_")
    assert [name for name in recorded if not name.startswith(own)] == []


def test_the_stat_logger_moves_the_gauges_of_each_rank(runtime: DistributedRuntime) -> None:
    logger = stat_logger(endpoint_of(runtime))(config(), [0, 1, 2])
    logger.log_engine_initialized()
    for hits in (0, 6):
        found = SimpleNamespace(requests=1, queries=12, hits=hits)
        stats = SimpleNamespace(kv_cache_usage=0.25, prefix_cache_stats=found)
        logger.record(stats, None, engine_idx=1)  # type: ignore[arg-type]
    logger.record(None, None, engine_idx=2)
    families = exposition(runtime)
    name = "dynamo_component_{}".format
    assert series(families, name("total_blocks"), "dp_rank") == dict.fromkeys("012", 200)
    assert series(families, name("gpu_cache_usage_percent"), "dp_rank") == {
        "0": 0,
        "1": 0.25,
        "2": 0,
    }
    assert series(families, name("kv_cache_hit_rate"), "dp_rank") == {"0": 0, "1": 0.25, "2": 0}
    load_time = families[name("model_load_time_seconds")]
    assert [one.labels for one in load_time.samples] == [{**ADDED, "model_name": ADDED["model"]}]
    assert load_time.samples[0].value > 0


def test_an_engine_that_tells_no_blocks_has_none(runtime: DistributedRuntime) -> None:
    logger = stat_logger(endpoint_of(runtime))(config(blocks=None), [0])
    logger.log_engine_initialized()
    assert sample(exposition(runtime), "dynamo_component_total_blocks") == 0


@pytest.mark.skipif(REAL, reason="the stub's families are asked, which the real vLLM has not")
def test_with_files_of_several_processes_every_series_is_there_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("programs") / "families.py"],
        env={"PYTHONPATH": str(STUB), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.stderr == ""
    families = exposition(done.stdout)  # which fails if a series stands twice
    assert sample(families, "vllm:prompt_tokens_total", **ADDED) == 5
    assert sample(families, "lmcache_hits_total", **ADDED) == 3
    assert sample(families, "dynamo_runtime_text_dropped_series_total") == 0
