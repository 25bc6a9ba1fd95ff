"""The stub of vLLM beside the real one: what it has, that one has as well."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from tests.support.vllm import REAL, STUB

PLACES = [
    "vllm.SamplingParams",
    "vllm.TokensPrompt",
    "vllm.engine.arg_utils.AsyncEngineArgs.add_cli_args",
    "vllm.engine.arg_utils.AsyncEngineArgs.create_engine_config",
    "vllm.engine.arg_utils.AsyncEngineArgs.from_cli_args",
    "vllm.exceptions.GracefulHTTPError",
    "vllm.exceptions.VLLMClientError",
    "vllm.sampling_params.RequestOutputKind",
    "vllm.v1.engine.async_llm.AsyncLLM.abort",
    "vllm.v1.engine.async_llm.AsyncLLM.check_health",
    "vllm.v1.engine.async_llm.AsyncLLM.from_engine_args",
    "vllm.v1.engine.async_llm.AsyncLLM.generate",
    "vllm.v1.engine.async_llm.AsyncLLM.get_tokenizer",
    "vllm.v1.engine.async_llm.AsyncLLM.shutdown",
    "vllm.v1.engine.exceptions.EngineDeadError",
    "vllm.v1.engine.exceptions.EngineGenerateError",
    "vllm.v1.metrics.loggers.AggregateStatLoggerBase.__init__",
    "vllm.v1.metrics.loggers.AggregateStatLoggerBase.log_engine_initialized",
    "vllm.v1.metrics.loggers.AggregateStatLoggerBase.record",
    "vllm.v1.metrics.stats.SchedulerStats",
]
"""All that ``dynamo.vllm`` uses."""

Parameters = dict[str, bool]
"""The names of parameters, and whether each may be left out."""


def parameters(place: str) -> Parameters:
    """The parameters of what stands there, in the vLLM that this process imports."""
    module, *names = _split(place)
    found: Any = import_module(module)
    for name in names:
        found = getattr(found, name)
    try:
        signature = inspect.signature(found)
    except ValueError:  # an exception without parameters of its own
        return {}
    return {
        name: parameter.default is not parameter.empty
        for name, parameter in signature.parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


def _split(place: str) -> list[str]:
    """The module, then the names in it: these begin with the first capital letter."""
    parts = place.split(".")
    first = next(index for index, part in enumerate(parts) if part[0].isupper())
    return [".".join(parts[:first]), *parts[first:]]


@pytest.fixture(scope="module")
def stub() -> dict[str, Parameters]:
    """The parameters of everything in the stub, which another process imports."""
    code = (
        "import json; from tests.vllm.test_stub import PLACES, parameters; "
        "print(json.dumps({place: parameters(place) for place in PLACES}))"
    )
    paths = os.pathsep.join([str(STUB), os.getcwd()])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.skipif(not REAL, reason="vLLM is not installed")
def test_what_the_stub_takes_vllm_takes_too(stub: dict[str, Parameters]) -> None:
    assert [problem for place in PLACES for problem in _problems(place, stub[place])] == []


def _problems(place: str, ours: Parameters) -> Iterator[str]:
    theirs = parameters(place)
    for name, may_be_left_out in ours.items():
        if name not in theirs:
            yield f"{place} has no {name}"
        elif may_be_left_out and not theirs[name]:
            yield f"{place} needs {name}"
    for name, may_be_left_out in theirs.items():
        if not may_be_left_out and name not in ours:
            yield f"{place} needs {name} too"


@pytest.mark.skipif(REAL, reason="the stub itself is what tests import")
def test_the_stub_has_all_that_is_used(stub: dict[str, Parameters]) -> None:
    assert {place: parameters(place) for place in PLACES} == stub
