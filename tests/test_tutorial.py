"""The tutorial from its worker to its alert, with the real Prometheus server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.test_check import CHECK
from tests.fleet.conftest import Run
from tests.fleet.conftest import run as run
from tests.support.client import fetch
from tests.support.documents import ROOT, block_with
from tests.support.process import Worker, free_port
from tests.support.prometheus import configured
from tests.support.waiting import eventually

TUTORIAL = ROOT / "docs" / "tutorial.md"


def block(language: str, word: str) -> str:
    body, _ = block_with(TUTORIAL, language, word)
    return body


@pytest.fixture
def worker(run: Run, tmp_path: Path) -> Worker:
    """The worker of the tutorial, on a free port."""
    program = tmp_path / "worker.py"
    program.write_text(block("py", "while True"))
    port = str(free_port())
    worker = run(sys.executable, program, DYN_SYSTEM_PORT=port, DYN_SYSTEM_HOST="127.0.0.1")
    worker.address = f"127.0.0.1:{port}"
    eventually(lambda: _is_up(worker))
    return worker


def test_the_check_finds_nothing_wrong(worker: Worker, run: Run) -> None:
    command = run(*CHECK, worker.address, "--no-cardinality")
    assert command.lines() == []
    command.assert_ends_cleanly()


def test_the_alert_fires_and_the_query_shows_the_latency(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(block("yaml", "DemoFailing"))
    config: dict[str, Any] = yaml.safe_load(block("yaml", "scrape_configs"))
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [worker.address]
    with configured(config, tmp_path) as server:

        def alert() -> str | None:
            alerts = fetch(server.address, "/api/v1/alerts").json["data"]["alerts"]
            return next(
                (one["annotations"]["summary"] for one in alerts if one["state"] == "firing"), None
            )

        assert eventually(alert, timeout=50).endswith("% of the requests fail")
        # At most 0.25 on a machine without other work.
        assert 0.05 < server.value(block("promql", "histogram_quantile")) < 10


def _is_up(worker: Worker) -> bool | None:
    try:
        return fetch(worker.address, "/metrics").status == 200 or None
    except OSError:
        return None
