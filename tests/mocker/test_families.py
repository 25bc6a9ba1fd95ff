"""The mocker's families beside those that a real vLLM showed (tests/formats/vllm_metrics.txt)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dynamo._engines.gauges import EngineGauges
from dynamo.mocker._metrics import EngineMetrics
from dynamo.mocker._scheduler import Limits
from dynamo.runtime import DistributedRuntime
from tests.support.exposition import Family, exposition, sample
from tests.support.serving import endpoint_of

SAMPLE = {
    name: family
    for name, family in exposition(
        (Path(__file__).parents[1] / "formats" / "vllm_metrics.txt").read_text()
    ).items()
    if name.startswith("vllm:")
}
HIERARCHY = {
    "dynamo_namespace": "ns",
    "dynamo_component": "comp",
    "dynamo_endpoint": "generate",
}


@pytest.fixture
def mocked(runtime: DistributedRuntime) -> dict[str, Family]:
    """The families of a mocker of the same model as the sample's, whose sequences are as short."""
    EngineMetrics(endpoint_of(runtime), "w/model", Limits(max_model_len=128))
    return exposition(runtime)


def series_of(family: Family) -> list[tuple[str, dict[str, str]]]:
    """The name and the labels of every sample, sorted."""
    return sorted(((sample.name, sample.labels) for sample in family.samples), key=repr)


def test_the_families_are_those_of_vllm(mocked: dict[str, Family]) -> None:
    assert sorted(name for name in mocked if name.startswith("vllm:")) == sorted(SAMPLE)
    assert len(SAMPLE) == 72


def test_type_and_help_are_those_of_vllm(mocked: dict[str, Family]) -> None:
    for name in SAMPLE:
        assert mocked[name][:3] == SAMPLE[name][:3]


def test_series_labels_and_buckets_are_those_of_vllm_and_the_hierarchys(
    mocked: dict[str, Family],
) -> None:
    for name in sorted({*SAMPLE} - {"vllm:cache_config_info"}):
        theirs = SAMPLE[name]
        samples = [sample._replace(labels=HIERARCHY | sample.labels) for sample in theirs.samples]
        with_sorted_labels = [
            sample._replace(labels=dict(sorted(sample.labels.items()))) for sample in samples
        ]
        assert series_of(mocked[name]) == series_of(theirs._replace(samples=with_sorted_labels))


def test_the_settings_of_the_cache_have_the_names_that_vllm_gives_them(
    mocked: dict[str, Family],
) -> None:
    """Their values are those of another cache."""
    (ours,), (theirs,) = (
        families["vllm:cache_config_info"].samples for families in (mocked, SAMPLE)
    )
    assert sorted(ours.labels) == sorted({**theirs.labels, **HIERARCHY})
    assert ours.value == theirs.value == 1
    assert (ours.labels["block_size"], ours.labels["num_gpu_blocks"]) == ("16", "4096")


def test_times_of_creation_are_times(mocked: dict[str, Family]) -> None:
    created = [family for name, family in mocked.items() if name.endswith("_created")]
    times = {sample.value for family in created for sample in family.samples}
    assert len(times) == 1
    assert abs(time.time() - min(times)) < 3_600


def test_bounds_for_numbers_of_tokens_go_as_far_as_a_sequence(runtime: DistributedRuntime) -> None:
    EngineMetrics(endpoint_of(runtime), "m", Limits(max_model_len=4000))
    family = exposition(runtime)["vllm:request_prompt_tokens"]
    bounds = [sample.labels["le"] for sample in family.samples if "le" in sample.labels]
    assert bounds[-5:] == ["200.0", "500.0", "1000.0", "2000.0", "+Inf"]


def test_the_cache_has_the_names_of_dynamo_08_in_style_component() -> None:
    runtime = DistributedRuntime(name_style="component")
    endpoint = runtime.namespace("my-ns").component("backend").endpoint("generate")
    gauges = EngineGauges(endpoint, "m", ranks=[3])
    gauges.caches[3].set_blocks(200)
    gauges.caches[3].set_usage(0.26)
    gauges.caches[3].add_lookups(requests=1, queries=40, hits=10)
    families = exposition(runtime)
    values = {
        name.removeprefix("dynamo_component_"): family.samples[0].value
        for name, family in families.items()
        if name.startswith("dynamo_component_") and "uptime" not in name
    }
    assert values == {
        "total_blocks": 200,
        "gpu_cache_usage_percent": 0.26,
        "kv_cache_hit_rate": 0.25,
        "model_load_time_seconds": 0,
        "kvstats_active_blocks": 52,
        "kvstats_total_blocks": 200,
        "kvstats_gpu_cache_usage_percent": 0.26,
        "kvstats_gpu_prefix_cache_hit_rate": 0.25,
    }
    labels = families["dynamo_component_kvstats_active_blocks"].samples[0].labels
    assert labels["dynamo_namespace"] == "my_ns"
    assert (labels["model"], labels["model_name"], labels["dp_rank"]) == ("m", "m", "3")


def test_the_hit_rate_covers_the_last_thousand_requests() -> None:
    endpoint = DistributedRuntime().namespace("ns").component("c").endpoint("e")
    cache = EngineGauges(endpoint, "m").caches[0]
    for hits in (0, 10):
        for _ in range(1000):
            cache.add_lookups(requests=1, queries=10, hits=hits)
    assert sample(exposition(endpoint), "dynamo_component_kv_cache_hit_rate") == 1
