"""Every query of the dashboard of workers shows something, and every panel says what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.documents import ROOT
from tests.support.grafana import engine_metrics, filled, panels, queries, variables
from tests.support.prometheus import Prometheus
from tests.support.waiting import eventually

DASHBOARD = (ROOT / "deploy" / "grafana" / "dashboards" / "worker.json").read_text()


def test_a_query_of_a_panel_shows_data(server: Prometheus) -> None:
    for query in queries(DASHBOARD):
        eventually(lambda asked=query: server.shows(asked.expression))


def test_a_query_with_a_slip_shows_none(server: Prometheus) -> None:
    eventually(lambda: server.shows("rate(dynamo_component_requests_total[10s])"))
    assert not server.shows("rate(dynamo_component_request_total[10s])")


@pytest.mark.parametrize("variable", variables(DASHBOARD), ids=lambda variable: variable["name"])
def test_a_variable_has_values_to_choose_from(server: Prometheus, variable: dict[str, Any]) -> None:
    asked = variable["query"]["query"].removeprefix("label_values(").removesuffix(")")
    series, label = asked.rsplit(", ", 1)
    series = filled(series, {"job": ".*", "instance": ".*"})
    found = eventually(lambda: server.query(f"group by ({label}) ({series})") or None)
    assert all(one.labels[label] for one in found)


@pytest.mark.parametrize("model", ["mock-8b", "another"])
def test_the_model_that_is_chosen_is_the_one_shown(server: Prometheus, model: str) -> None:
    [running] = [panel for panel in panels(DASHBOARD) if panel["title"] == "Running by worker"]
    [target] = running["targets"]
    chosen = {"job": ".*", "instance": ".*", "model": model}
    eventually(lambda: server.query("vllm:num_requests_running") or None)
    expression = filled(target["expr"], chosen)
    if model == "mock-8b":
        assert len(server.results(expression)) == 1
    else:
        assert server.query(expression) == []


def test_the_dashboard_asks_for_what_vllm_shows() -> None:
    asked = engine_metrics(DASHBOARD)
    assert len(asked) > 20
    assert asked <= engine_metrics((ROOT / "tests" / "formats" / "vllm_metrics.txt").read_text())


def test_grafanas_own_model_reads_the_dashboard_and_loses_nothing() -> None:
    pytest.importorskip("grafana_foundation_sdk")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    read = Dashboard.from_json(json.loads(DASHBOARD))
    assert json.loads(JSONEncoder().encode(read)) == json.loads(DASHBOARD)


def test_every_panel_has_a_title_of_its_own_and_says_what_to_look_at() -> None:
    found = panels(DASHBOARD)
    titles = [panel["title"] for panel in found]
    assert sorted(set(titles)) == sorted(titles)
    for panel in found:
        assert len(panel["description"]) > 20, panel["title"]


def test_panels_lie_beside_each_other() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in json.loads(DASHBOARD)["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            assert x < 24, panel["title"]
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
