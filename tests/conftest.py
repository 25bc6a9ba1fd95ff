from __future__ import annotations

import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint

if TYPE_CHECKING:
    from tests.support.log import Log

pytest.register_assert_rewrite("tests.support")

from tests.support.stress import repeats  # noqa: E402 - its package has asserts to rewrite

# A shell starts its background jobs with SIGINT ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# An example that takes long says something of the machine, not of the code. The phase that explains
# failures traces every line, which is slow before Python 3.12.
hypothesis.settings.register_profile(
    "patient",
    deadline=None,
    phases=[phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain],
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    max_examples=repeats(50, 500),
)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def _runtime_directories() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="dynamo-tests-") as directory:
        yield directory


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, _runtime_directories: str) -> None:
    """Clears the settings of the shell, and gives the test its own runtime directory.

    One setting is not the default: the callbacks of a scrape have 60 s, for a busy machine.
    """
    for variable in [name for name in os.environ if name.startswith("DYN_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_RUNTIME_DIR", tempfile.mkdtemp(dir=_runtime_directories))
    monkeypatch.setenv("DYN_METRICS_CALLBACK_TIMEOUT", "60")


@pytest.fixture
def runtime(_no_settings: None) -> Iterator[DistributedRuntime]:
    """A runtime of the test's own, without a server."""
    runtime = DistributedRuntime()
    yield runtime
    runtime.shutdown()


@pytest.fixture
def endpoint(runtime: DistributedRuntime) -> Endpoint:
    """An endpoint whose metrics' names begin with ``ns_comp_ep_``."""
    return runtime.namespace("ns").component("comp").endpoint("ep")


@pytest.fixture
def metrics(endpoint: Endpoint) -> RuntimeMetrics:
    """The endpoint's metrics."""
    return endpoint.metrics


@pytest.fixture
def log() -> Iterator[Log]:
    """What is logged during the test."""
    from tests.support.log import logged  # asserts in there are rewritten if it comes late enough

    with logged() as log:
        yield log


def pytest_collection_finish() -> None:
    """What is there before the first test need not be looked at by each ``gc.collect()``."""
    gc.collect()
    gc.freeze()
