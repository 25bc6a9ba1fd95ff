"""The rules say something of workers that run, warn when they should, and only then.

``rules_test.yaml`` has the series of a worker that is well and of one that has everything wrong.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from dynamo_metrics.dashboards import _signals as signals
from dynamo_metrics.dashboards.alerts import ALERTS, limit
from dynamo_metrics.dashboards.recordings import RECORDINGS
from tests.dashboards.conftest import RULES
from tests.support.documents import ROOT
from tests.support.grafana import engine_metrics
from tests.support.prometheus import INSTALL, Prometheus
from tests.support.waiting import eventually

CONDITIONS = [(alert.name, one) for alert in ALERTS for one in alert.conditions]
VLLM = ROOT / "tests" / "formats" / "vllm_metrics.txt"
CASES = Path(__file__).parent / "rules_test.yaml"


def promtool(command: str, file: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    assert program, f"there is no promtool: run {INSTALL}, or install Prometheus yourself"
    arguments = [program, command, "rules", str(file)]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=50)


def test_promtool_accepts_the_rules() -> None:
    checked = promtool("check", RULES)
    assert checked.returncode == 0, checked.stderr
    assert f"{len(RECORDINGS) + len(ALERTS)} rules found" in checked.stdout


def test_promtool_refuses_rules_with_a_slip(tmp_path: Path) -> None:
    slip = tmp_path / "rules.yaml"
    slip.write_text(RULES.read_text().replace("sum by (job, instance)", "sum by (job, instance", 1))
    assert promtool("check", slip).returncode != 0


def test_a_recording_rule_gives_data(server: Prometheus) -> None:
    for recording in RECORDINGS:
        for expression in (recording.expression, recording.name):
            eventually(lambda asked=expression: server.shows(asked))


def test_what_an_alert_compares_gives_data(server: Prometheus) -> None:
    for _, condition in CONDITIONS:
        eventually(lambda asked=condition: server.shows(asked.expression))


@pytest.mark.parametrize("name", [*signals.CALLBACK_FAILURES, *signals.LOSSES])
def test_a_counter_that_only_some_workers_show_is_called_so(server: Prometheus, name: str) -> None:
    [found] = eventually(lambda: server.query(name) or None)
    assert found.labels["job"] == "losing"


@pytest.mark.parametrize(
    ("alert", "job"),
    [
        ("DynamoKvCacheFull", "mocker"),
        ("DynamoCallbacksFailing", "losing"),
        ("DynamoMetricsLost", "losing"),
    ],
)
def test_an_alert_notices_the_worker_that_is_unwell(
    server: Prometheus, alert: str, job: str
) -> None:
    pending = f'ALERTS{{alertname="{alert}"}}'
    [noticed] = eventually(lambda: server.query(pending) or None)
    assert noticed.labels["job"] == job


def test_each_alert_fires_for_what_it_is_about_and_says_so() -> None:
    tested = promtool("test", CASES)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_there_is_a_case_in_which_each_alert_fires_and_one_in_which_it_does_not() -> None:
    cases = yaml.safe_load(CASES.read_text())["tests"]
    checks = [check for case in cases for check in case["alert_rule_test"]]
    fired = {check["alertname"] for check in checks if check.get("exp_alerts")}
    quiet = {check["alertname"] for check in checks if not check.get("exp_alerts")}
    assert fired == quiet == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("number", range(max(len(alert.conditions) for alert in ALERTS)))
def test_with_a_comparison_turned_round_the_cases_of_an_alert_fail(
    number: int, tmp_path: Path
) -> None:
    turned = {">": "<=", "<": ">=", "==": "!="}
    conditions = {
        alert.name: alert.conditions[number] for alert in ALERTS if number < len(alert.conditions)
    }
    document = yaml.safe_load(RULES.read_text())
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        if condition := conditions.get(rule.get("alert")):
            opposite = f"{condition.expression} {turned[condition.operator]} "
            assert str(condition) in rule["expr"]
            rule["expr"] = rule["expr"].replace(
                str(condition), f"{opposite}{condition.threshold:g}"
            )
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(document))
    cases = re.sub(
        r"rule_files:.*?\n\n", "rule_files: [rules.yaml]\n\n", CASES.read_text(), flags=re.S
    )
    (tmp_path / "cases.yaml").write_text(cases)
    tested = promtool("test", tmp_path / "cases.yaml")
    failed = set(re.findall(r"alertname: (\w+), time", tested.stdout + tested.stderr))
    assert failed == set(conditions)


def test_a_recorded_series_is_named_by_level_metric_and_operations() -> None:
    for recording in RECORDINGS:
        level, metric, operations = recording.name.split(":")
        assert level == "_".join(recording.by)
        assert re.fullmatch(r"[a-z0-9_]+", metric)
        assert re.fullmatch(r"(p\d+|ratio)_rate5m|rate5m|sum|max", operations)


def test_all_alerts_and_recordings_have_names_of_their_own() -> None:
    names = [one.name for one in (*ALERTS, *RECORDINGS)]
    assert len(set(names)) == len(names)
    assert all(name.startswith("Dynamo") for name in names[: len(ALERTS)])


def test_the_documents_list_every_alert_with_its_severity_and_its_time() -> None:
    text = (ROOT / "docs" / "dashboards.md").read_text()
    listed = re.findall(r"^\| `(Dynamo\w+)` \| (\w+) \| .* \| (\w+) \|$", text, re.MULTILINE)
    assert listed == [(alert.name, alert.severity, alert.hold) for alert in ALERTS]


def test_the_rules_ask_for_what_vllm_shows() -> None:
    assert engine_metrics(RULES.read_text()) <= engine_metrics(VLLM.read_text())


def test_a_limit_is_the_first_threshold_of_an_alert() -> None:
    assert limit("DynamoErrorsHigh") == 0.05
