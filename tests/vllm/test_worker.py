"""``python -m dynamo.vllm`` as users start it, and what becomes of its engine's processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.serving.conftest import nats_settings
from tests.support.client import TIMEOUT_SECONDS, fetch, scrape
from tests.support.exposition import sample
from tests.support.nats import NatsServer, nobody_listens
from tests.support.process import Worker
from tests.support.vllm import REAL, Start, VllmWorker, command
from tests.support.waiting import eventually
from tests.vllm.client import Client

DIED = "vLLM's engine has died: what it has logged before says why"
MANY = [{"prompt": "hello", "ignore_eos": True}] * 3


@pytest.fixture
def client(nats: NatsServer) -> Iterator[Client]:
    """A client of whoever serves the default endpoint."""
    client = Client(nats_settings(nats))
    yield client
    client.close()


@pytest.fixture
def ready(start: Start, nats: NatsServer) -> VllmWorker:
    """A worker that takes requests through NATS."""
    worker = start(**nats_settings(nats))
    worker.find_address()
    worker.wait_until_ready()
    return worker


@pytest.fixture
def endless(model: Path, tmp_path: Path) -> Path:
    """A model that takes long to load; for ever, with the stub."""
    folder = tmp_path / "endless"
    shutil.copytree(model, folder)
    (folder / "endless").touch()
    return folder


def test_it_is_not_ready_until_its_engine_is(start: Start, endless: Path) -> None:
    worker = start(model=endless, DYN_SYSTEM_STARTING_HEALTH_STATUS="ready")
    worker.find_address()
    answer = fetch(worker.address, "/health")
    assert (answer.status, answer.json["endpoints"]) == (503, {"generate": "notready"})
    assert fetch(worker.address, "/live").status == 200
    (endless / "endless").unlink()
    worker.wait_until_ready()


def test_a_program_may_put_a_handler_of_its_own_before_the_engine(
    start: Start, nats: NatsServer, client: Client
) -> None:
    worker = start(
        program=Path(__file__).with_name("programs") / "program.py", **nats_settings(nats)
    )
    worker.find_address()
    worker.wait_until_ready()
    client.send(*MANY)
    assert [ended.reason for ended in client.answers()] == ["length"] * len(MANY)
    exposition = scrape(worker.address)
    assert sample(exposition, "dynamo_backend_generate_answers_total") == len(MANY)


def terminate(worker: VllmWorker) -> None:
    """Do as Kubernetes does."""
    worker.interrupt(signal.SIGTERM)


def press_ctrl_c(worker: VllmWorker) -> None:
    """Do as a terminal does: all processes of the group get the signal, the engine's too."""
    os.killpg(worker.pid, signal.SIGINT)


@pytest.mark.parametrize("stop", [terminate, press_ctrl_c])
def test_it_finishes_running_requests_before_it_ends_with_its_engine(
    ready: VllmWorker, client: Client, hold: Path, stop: Callable[[VllmWorker], None]
) -> None:
    client.send(*MANY)
    eventually(lambda: running(ready))
    stop(ready)
    hold.unlink()
    assert [ended.reason for ended in client.answers()] == ["length"] * len(MANY)
    assert ready.exit_code() == 0
    assert ready.lines()[-1] == "stopped"
    assert "output_handler failed" not in ready.errors
    assert_nothing_is_left(ready)


@pytest.mark.usefixtures("hold")
def test_an_engine_that_dies_ends_the_worker(ready: VllmWorker, client: Client) -> None:
    client.send(*MANY)
    eventually(lambda: running(ready))
    core, _ = ready.engine()
    core.kill()
    statuses = statuses_to_the_end(ready)
    assert statuses == sorted(statuses), "once it is not ready it stays so"
    assert all("EngineDeadError" in ended.reason for ended in client.answers())
    assert ready.exit_code() == 1
    assert DIED in ready.errors.splitlines()
    assert_nothing_is_left(ready)


@pytest.mark.usefixtures("hold")
def test_an_engine_that_dies_while_requests_are_finished_is_told_too(
    ready: VllmWorker, client: Client
) -> None:
    client.send(*MANY)
    eventually(lambda: running(ready))
    core, _ = ready.engine()
    core.kill()
    terminate(ready)
    assert ready.exit_code() == 1
    assert DIED in ready.errors.splitlines()
    assert_nothing_is_left(ready)


@pytest.mark.parametrize("moment", ["loading", "serving"])
def test_a_worker_that_is_killed_leaves_no_process_behind(
    start: Start, endless: Path, moment: str
) -> None:
    if moment == "serving":
        (endless / "endless").unlink()
    worker = start(model=endless)
    worker.find_address()
    if moment == "serving":
        worker.wait_until_ready()
    guards = set(psutil.Process(worker.pid).children()) - set(worker.engine())
    worker.interrupt(signal.SIGKILL)
    assert worker.exit_code() == -signal.SIGKILL
    assert_nothing_is_left(worker)
    assert psutil.wait_procs(guards, TIMEOUT_SECONDS)[1] == []


def test_ctrl_c_while_the_model_is_loading_ends_everything(start: Start, endless: Path) -> None:
    worker = start(model=endless)
    worker.find_address()
    worker.engine()
    press_ctrl_c(worker)
    assert worker.exit_code() == 130
    assert_nothing_is_left(worker)


def test_a_model_that_does_not_exist_is_one_line(start: Start) -> None:
    worker = start(model="/nowhere/at/all")
    worker.find_address()
    assert worker.exit_code() == 1
    *_, last = worker.errors.splitlines()
    assert last.startswith("vLLM cannot start with --model /nowhere/at/all: ")
    assert "Traceback" not in worker.errors


def test_a_model_that_cannot_be_loaded_ends_the_worker(
    start: Start, model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    (broken / "broken").touch()
    for weights in broken.glob("*.safetensors"):
        weights.write_bytes(b"no weights")
    worker = start(model=broken)
    assert worker.exit_code() == 1
    assert worker.errors.splitlines()[-1].startswith(
        f"vLLM cannot start with --model {broken}: Engine core initialization failed."
    )
    assert_nothing_is_left(worker)


def test_a_setting_of_vllm_that_cannot_be_is_one_line(start: Start, model: Path) -> None:
    worker = start("--max-model-len", "1000000")
    assert worker.exit_code() == 1
    *_, last = worker.errors.splitlines()
    assert last.startswith(f"vLLM cannot start with --model {model}: ")
    assert "max_model_len (1000000) is greater than" in last


def test_processes_that_would_be_forked_are_refused_in_one_line(start: Start, model: Path) -> None:
    worker = start(VLLM_WORKER_MULTIPROC_METHOD="fork")
    assert worker.exit_code() == 1
    assert worker.errors.splitlines()[-1] == (
        f"vLLM cannot start with --model {model}: VLLM_WORKER_MULTIPROC_METHOD=fork does not work "
        "in a worker: use spawn, or unset it"
    )


def test_a_port_in_use_is_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        worker = start(DYN_SYSTEM_PORT=port)
        assert worker.exit_code() == 1
    last = worker.errors.splitlines()[-1]
    assert f"cannot listen on 127.0.0.1:{port}" in last
    assert "set DYN_SYSTEM_PORT to another port" in last


def test_a_server_that_cannot_be_reached_is_one_line(start: Start) -> None:
    url = nobody_listens()
    worker = start(DYN_REQUEST_PLANE="nats", NATS_SERVER=url)
    assert worker.exit_code() == 1
    assert worker.errors.splitlines()[-1].startswith(f"NATS_SERVER={url} cannot be reached: ")


def test_help_shows_our_arguments_and_vllms(start: Start) -> None:
    text = "\n".join(start("--help").lines())
    for word in ("dyn://NAMESPACE.COMPONENT.ENDPOINT", "DYN_SYSTEM_PORT", "--max-num-seqs"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "the following arguments are required: --model"),
        (
            ["--model", "m", "--endpoint", "a.b.c"],
            "'a.b.c' is not an endpoint: use dyn://namespace.",
        ),
        (["--model", "m", "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
    ids=str,
)
def test_a_command_line_that_cannot_be_followed_is_told_why(
    arguments: list[str], problem: str
) -> None:
    worker = VllmWorker([sys.executable, "-m", "dynamo.vllm", *arguments], {})
    try:
        assert worker.exit_code() == 2
        assert problem in worker.errors.splitlines()[-1]
    finally:
        worker.close()


@pytest.mark.skipif(REAL, reason="vLLM is installed")
def test_without_vllm_it_names_the_extra(model: Path) -> None:
    worker = Worker(command(model), {})
    try:
        assert worker.exit_code() == 1
        assert worker.errors == (
            "dynamo.vllm needs vllm: pip install 'dynamo-runtime[vllm]', or "
            "'./packages/dynamo-runtime[vllm]' in a checkout\n"
        )
    finally:
        worker.close()


def assert_nothing_is_left(worker: VllmWorker) -> None:
    """Wait until all processes of its group have ended, which must happen."""

    def ended() -> bool | None:
        left = [one for one in psutil.process_iter() if _group(one) == worker.pid]
        return not left or None

    eventually(ended)


def _group(process: psutil.Process) -> int | None:
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else os.getpgid(process.pid)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return None


def running(worker: VllmWorker) -> bool | None:
    """Whether all of the requests are being answered."""
    line = next(
        line
        for line in fetch(worker.address).text.splitlines()
        if line.startswith("vllm:num_requests_running{")
    )
    return float(line.split()[-1]) == len(MANY) or None


def statuses_to_the_end(worker: VllmWorker) -> list[int]:
    """What ``/health`` answers, until nobody answers any more."""
    statuses = []
    while True:
        try:
            statuses.append(fetch(worker.address, "/health").status)
        except OSError:
            return statuses
