"""The real Prometheus server follows a fleet, with the configuration that is shipped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fleet.conftest import Run, Sd, start_worker
from tests.support.documents import ROOT
from tests.support.nats import NatsServer
from tests.support.prometheus import Prometheus, configured
from tests.support.waiting import eventually
from tests.support.web import Files

REFRESH = 2
"""Seconds between two questions to ``sd``. Prometheus looks at what has come of them every 5 s, and
then once more."""


def shipped(sd: Sd, ca_file: str) -> Any:
    """``deploy/prometheus.yml``, with ``sd`` where it is here, a CA, and shorter times."""
    config = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
    config["global"]["scrape_interval"] = "1s"
    [job] = config["scrape_configs"]
    job["tls_config"] = {"ca_file": ca_file}
    [http_sd] = job["http_sd_configs"]
    http_sd |= {"url": f"http://{sd.address}/sd", "refresh_interval": f"{REFRESH}s"}
    return config


@pytest.mark.timeout(120)  # Prometheus takes up to ten seconds for each change
def test_prometheus_follows_the_workers_that_come_and_go(
    run: Run, nats: NatsServer, sd: Sd, tmp_path: Path
) -> None:
    workers = [start_worker(run, nats) for _ in range(3)]
    killed = workers[0]
    files = Files(tmp_path)
    files.write()
    sd.serving(3)
    with configured(shipped(sd, files / "ca.pem"), tmp_path, "--log.level=warn") as prometheus:
        before = instances(sd)
        assert before.keys() == {worker.address for worker in workers}
        eventually(lambda: scraped(prometheus) == set(before.values()) or None)

        fourth = start_worker(run, nats, "https", DYN_SYSTEM_WEB_CONFIG=str(files.path))
        arrived = eventually(lambda: instances(sd).get(fourth.address))
        killed.interrupt(signal.SIGKILL)
        eventually(lambda: arrived in scraped(prometheus) or None)

        gone = before[killed.address]
        eventually(lambda: gone not in prometheus.targets() or None)
        eventually(lambda: prometheus.query(f'up{{instance="{gone}"}}') == [] or None)
        assert scraped(prometheus) == {*before.values(), arrived} - {gone}

        names = prometheus.label_names()
        assert not [name for name in names if name.startswith("exported_")]
        found = prometheus.query(f'dynamo_component_requests_total{{instance="{arrived}"}}')
        assert [series.labels for series in found] == [
            {
                "dynamo_namespace": "hello_world",
                "dynamo_component": "backend",
                "dynamo_endpoint": "generate",
                "job": "dynamo",
                "instance": arrived,
            }
        ]


def instances(sd: Sd) -> dict[str, str]:
    """The instances that are listed, by address."""
    return {
        group["targets"][0]: group["labels"]["__meta_dynamo_instance"]
        for group in sd.groups() or []
    }


def scraped(prometheus: Prometheus) -> set[str]:
    """The instances whose last scrape has worked, and is stored."""
    return {result.labels["instance"] for result in prometheus.query("up == 1")}
