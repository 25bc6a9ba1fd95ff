from __future__ import annotations

from pathlib import Path

import pytest

from dynamo.runtime import Endpoint
from tests.formats.fill import fill


@pytest.fixture(scope="session")
def vllm() -> str:
    """What a vLLM engine shows on its own ``/metrics``, by prometheus_client."""
    return Path(__file__).with_name("vllm_metrics.txt").read_text()


@pytest.fixture
def filled(endpoint: Endpoint) -> Endpoint:
    """An endpoint with metrics of every kind, whose values no longer change."""
    fill(endpoint.metrics)
    return endpoint
