from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.documents import ROOT
from tests.support.mocker import OVERLOADED, address_of, mockers
from tests.support.process import serving, workers
from tests.support.prometheus import Prometheus, configured

RULES = ROOT / "deploy" / "prometheus-rules.yaml"


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus server with our rules.

    It scrapes a mocker with more to do than it can, and a worker that loses metrics.
    """
    with ExitStack() as running:
        mocker = address_of(running.enter_context(mockers())(*OVERLOADED))
        losing = serving(running.enter_context(workers(__file__)), "losing.py").address
        config = {
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "1s",
            },
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": [target]}]}
                for name, target in (("mocker", mocker), ("losing", losing))
            ],
        }
        folder = tmp_path_factory.mktemp("prometheus")
        yield running.enter_context(configured(config, folder))
