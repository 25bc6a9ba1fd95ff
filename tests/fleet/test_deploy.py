"""What ``deploy/`` holds is valid for those who read it, by their own tools, and fits together."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.metadata import requires
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate
import pytest
import yaml
from compose_spec import ComposeSpecification, PyCompose
from dockerfile_parse import DockerfileParser
from typer.main import get_command
from typer.testing import CliRunner

from dynamo.mocker._arguments import parse as parse_mocker
from dynamo_metrics.cli._commands import app
from tests.support.documents import ROOT, blocks
from tests.support.prometheus import INSTALL

DEPLOY = ROOT / "deploy"
KUBERNETES = "1.34"
POD_MONITOR = json.loads((Path(__file__).parent / "podmonitor.schema.json").read_text())
PROMETHEUS_RULE = json.loads((Path(__file__).parent / "prometheusrule.schema.json").read_text())


def read(name: str) -> Any:
    """The only document of a file, with what YAML merges merged."""
    return yaml.safe_load((DEPLOY / name).read_text())


COMPOSE = read("compose.yaml")
DEPLOYMENT = read("kubernetes/deployment.yaml")
MONITOR = read("kubernetes/podmonitor.yaml")
RULES = read("kubernetes/prometheusrule.yaml")


def promtool(config: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    assert program, f"there is no promtool: run {INSTALL}, or install Prometheus yourself"
    command = [program, "check", "config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=50)


def test_promtool_accepts_the_configuration_of_prometheus() -> None:
    checked = promtool(DEPLOY / "prometheus.yml")
    assert checked.returncode == 0, checked.stderr


def test_promtool_refuses_a_configuration_with_a_slip(tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text.replace("target_label", "target_lable"))
    assert "target_lable" in promtool(tmp_path / "prometheus.yml").stderr


def test_only_instance_becomes_a_label_of_the_target() -> None:
    [job] = read("prometheus.yml")["scrape_configs"]
    assert [rule.get("target_label") for rule in job["relabel_configs"]] == ["instance"]


def test_the_documents_show_the_configuration_that_is_shipped() -> None:
    text = (ROOT / "docs" / "fleet.md").read_text()
    [shown] = [block.body for block in blocks(text) if block.language == "yaml"]
    assert yaml.safe_load(shown)["scrape_configs"] == read("prometheus.yml")["scrape_configs"]


def test_the_documents_show_every_option_of_sd_and_its_default() -> None:
    text = (ROOT / "docs" / "fleet.md").read_text()
    shown = dict(re.findall(r"^\| `(--[\w-]+)` \| `([^`]+)`", text, re.MULTILINE))
    options = [*get_command(app).commands["sd"].params]
    assert shown.pop("--nats-server") == "NATS_SERVER"
    assert shown == {
        option.opts[0]: f"{option.default:g}" if option.name == "refresh" else str(option.default)
        for option in options
        if option.name not in ("nats_server", "help")
    }


def compose(document: Any) -> PyCompose:
    return PyCompose.from_json(json.dumps(document))


def test_the_compose_file_is_one() -> None:
    services = ["nats", "worker", "mocker", "sd", "prometheus", "grafana"]
    assert compose(COMPOSE).service_names() == services
    ComposeSpecification.model_validate(COMPOSE)


def test_a_slip_in_the_compose_file_is_seen() -> None:
    wrong = json.loads(json.dumps(COMPOSE).replace("healthcheck", "heathcheck"))
    with pytest.raises(ValueError, match="heathcheck"):
        compose(wrong)


def test_prometheus_asks_the_service_and_the_port_that_compose_starts() -> None:
    [job] = read("prometheus.yml")["scrape_configs"]
    [http_sd] = job["http_sd_configs"]
    url = urlsplit(http_sd["url"])
    command = COMPOSE["services"][url.hostname]["command"]
    assert command == ["dynamo-metrics", "sd", "--port", str(url.port)]
    assert url.path == "/sd"
    parsed = CliRunner().invoke(app, [*command[1:], "--help"])
    assert parsed.exit_code == 0, parsed.output


def test_every_service_of_compose_waits_for_and_mounts_what_there_is() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= services.keys()
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()
        for volume in service.get("volumes", ()):
            source, _, _ = volume.partition(":")
            assert (DEPLOY / source).exists() if source[0] == "." else source in COMPOSE["volumes"]


def test_workers_start_a_program_that_the_image_holds() -> None:
    copied = [source for source, _ in copies() if source == "examples"]
    assert copied == ["examples"]
    container = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]
    for command in (COMPOSE["services"]["worker"]["command"], container["command"]):
        assert command[0] == "python"
        assert (ROOT / command[1]).exists()
        assert command[1].startswith("examples/")


def test_the_simulated_workers_are_started_with_arguments_that_there_are() -> None:
    python, module, name, *arguments = COMPOSE["services"]["mocker"]["command"]
    assert (python, module, name) == ("python", "-m", "dynamo.mocker")
    assert parse_mocker(arguments).model


def mounts(service: str) -> dict[str, str]:
    """What of this folder a service of compose finds where."""
    volumes = [volume.split(":") for volume in COMPOSE["services"][service]["volumes"]]
    return {target: source for source, target, *_ in volumes if source[0] == "."}


def test_prometheus_finds_its_rules_beside_its_configuration() -> None:
    [rules] = read("prometheus.yml")["rule_files"]
    assert mounts("prometheus")[f"/etc/prometheus/{rules}"] == f"./{rules}"


def test_grafana_finds_the_dashboards_and_the_prometheus_of_compose() -> None:
    [provider] = read("grafana/provisioning/dashboards/dynamo.yaml")["providers"]
    found = mounts("grafana")
    folder = provider["options"]["path"]
    assert (DEPLOY / found[folder] / "worker.json").exists()
    settings = COMPOSE["services"]["grafana"]["environment"]
    assert settings["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{folder}/worker.json"
    assert found["/etc/grafana/provisioning"] == "./grafana/provisioning"
    [source] = read("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert urlsplit(source["url"]).hostname in COMPOSE["services"]
    assert source["jsonData"]["timeInterval"] == read("prometheus.yml")["global"]["scrape_interval"]


def test_grafana_is_of_the_version_that_the_dashboards_are_made_for() -> None:
    needed = " ".join(requires("dynamo-metrics") or ())
    [version] = re.findall(r"grafana-foundation-sdk==\d+!(\d+\.\d+)\.\*", needed)
    assert COMPOSE["services"]["grafana"]["image"].startswith(f"grafana/grafana:{version}.")


def copies() -> list[tuple[str, bool]]:
    """What the Dockerfile copies, and whether that comes from an earlier stage."""
    with (DEPLOY / "Dockerfile").open("rb") as file:
        steps = DockerfileParser(fileobj=file).structure
    found = []
    for step in steps:
        if step["instruction"] == "COPY":
            *sources, _ = step["value"].split()
            staged = sources[0].startswith("--from=")
            found += [(source, staged) for source in sources if not source.startswith("--")]
    return found


def test_the_image_is_made_of_files_that_exist_and_are_not_ignored() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    sources = [source for source, staged in copies() if not staged]
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_kubernetes_accepts_the_deployment() -> None:
    kubernetes_validate.validate(DEPLOYMENT, KUBERNETES, strict=True)


def test_a_slip_in_the_deployment_is_seen() -> None:
    wrong = json.loads(json.dumps(DEPLOYMENT).replace("readinessProbe", "readynessProbe"))
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_the_pod_monitor_is_as_its_definition_says() -> None:
    jsonschema.validate(MONITOR, POD_MONITOR)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"port"', '"prot"'),
        ('"interval": "5s"', '"interval": "5 seconds"'),
        ('"selector"', '"podSelector"'),
        ('"podMetricsEndpoints"', '"podMetricEndpoints"'),
    ],
)
def test_a_slip_in_the_pod_monitor_is_seen(right: str, wrong: str) -> None:
    text = json.dumps(MONITOR)
    assert right in text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(text.replace(right, wrong)), POD_MONITOR)


def test_the_pod_monitor_finds_the_pods_and_the_port_of_the_deployment() -> None:
    template = DEPLOYMENT["spec"]["template"]
    wanted = MONITOR["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= template["metadata"]["labels"].items()
    selector = DEPLOYMENT["spec"]["selector"]["matchLabels"]
    assert selector.items() <= template["metadata"]["labels"].items()
    [container] = template["spec"]["containers"]
    [port] = container["ports"]
    [endpoint] = MONITOR["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == port["name"]
    settings = {setting["name"]: setting.get("value") for setting in container["env"]}
    assert settings["DYN_SYSTEM_PORT"] == str(port["containerPort"])


def test_the_rules_for_the_operator_are_as_their_definition_says() -> None:
    jsonschema.validate(RULES, PROMETHEUS_RULE)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"groups"', '"group"'),
        ('"alert": "', '"alerts": "'),
        ('"for": "5m"', '"for": "5 minutes"'),
        ('"expr": "', '"expression": "'),
        ('"severity": "critical"', '"severity": 1'),
    ],
)
def test_a_slip_in_the_rules_for_the_operator_is_seen(right: str, wrong: str) -> None:
    text = json.dumps(RULES)
    assert right in text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(text.replace(right, wrong)), PROMETHEUS_RULE)


def test_the_operator_gets_the_rules_that_prometheus_gets() -> None:
    assert RULES["spec"]["groups"] == read("prometheus-rules.yaml")["groups"]
    assert RULES["metadata"]["labels"] == MONITOR["metadata"]["labels"]


def test_workers_have_more_time_to_stop_than_their_requests() -> None:
    pod = DEPLOYMENT["spec"]["template"]["spec"]
    settings = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    timeout = float(settings["DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT"])
    assert pod["terminationGracePeriodSeconds"] > timeout
    assert COMPOSE["services"]["worker"]["stop_grace_period"] == "35s"
