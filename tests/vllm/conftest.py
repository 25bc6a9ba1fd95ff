from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.conftest import _no_nats_server as _no_nats_server
from tests.serving.conftest import nats as nats
from tests.serving.conftest import pytest_pyfunc_call as pytest_pyfunc_call
from tests.support.vllm import Start, make_model, vllm_workers


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model."""
    folder = tmp_path_factory.mktemp("model")
    make_model(folder)
    return folder


@pytest.fixture
def hold(model: Path) -> Iterator[Path]:
    """Holds requests to the stub at their first token, for as long as this file is there."""
    file = model / "hold"
    file.touch()
    yield file
    file.unlink(missing_ok=True)


@pytest.fixture
def start(model: Path) -> Iterator[Start]:
    """Starts workers around the tiny model: ``start(*arguments, **settings)``."""
    with vllm_workers(model) as start:
        yield start
