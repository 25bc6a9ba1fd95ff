"""The Python half of the Metrics Developer Guide, run as printed on Dynamo's own classes."""

from __future__ import annotations

import ast
import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

from tests.guests.nvidia.host import OWN, scrape
from tests.support import buckets, sample, series
from tests.support.documents import blocks

GUIDE = Path(__file__).parents[2] / "guide" / "python.md"
PREFIX = "my_namespace_my_component_my_endpoint"


@pytest.mark.usefixtures("installed")
def test_the_guide_runs_as_printed_and_its_metrics_are_in_dynamos_exposition() -> None:
    connections = iter(range(3, 1000))
    names: dict[str, Any] = {"compute_current_connections": connections.__next__}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        for block in blocks(GUIDE.read_text()):
            # What samples every two seconds would do it once, now.
            exec(block.body.replace("time.sleep(2)", "return"), names)
            if "gauge_vec" not in names:
                names["gauge_vec"] = names["endpoint"].metrics.create_gaugevec(
                    "queue_depth", "Requests that wait", ["model_type", "model_size"]
                )
    name, const_labels, variable_labels = output.getvalue().splitlines()
    assert name == f"{PREFIX}_requests_total"
    assert const_labels.startswith("{'dynamo_namespace': 'my_namespace', ")
    assert ast.literal_eval(variable_labels) == ["model_type", "model_size"]

    families = scrape(names["drt"])
    assert [(one.labels.get("region"), one.value) for one in families[name].samples] == [
        (None, 6),
        ("us-west", 0),
    ]
    assert buckets(families, f"{PREFIX}_latency_seconds")["0.1"] == 1
    by_model = series(families, f"{PREFIX}_requests_by_model", "model_type", "model_size")
    assert by_model == {("llama", "7b"): 1}
    assert sample(families, f"{PREFIX}_gpu_memory_bytes", gpu_id="0") == 8192
    now = sample(families, f"{PREFIX}_active_connections")
    assert sample(scrape(names["drt"]), f"{PREFIX}_active_connections") == now + 1
    assert OWN in families
