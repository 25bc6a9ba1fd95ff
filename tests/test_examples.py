"""The example workers, started as the guide starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.client import fetch, scrape
from tests.support.documents import ROOT, block_with
from tests.support.exposition import Family, sample, series
from tests.support.mocker import address_of
from tests.support.process import Worker
from tests.support.run import Start, examples, make_run
from tests.support.waiting import eventually

SERVERS = ["metrics/server_with_callback.py", "metrics/server_with_loop.py"]
NODE = "demo_backend_generate"

ENGINE = "mocker/custom_metrics.py"
BUSY = (
    *("--model", "llama-8b", "--endpoint", "dyn://demo.backend.generate"),
    *("--load", "100", "--speedup", "20"),
)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts an example by its path, with arguments and settings."""
    with examples() as start:
        yield start


@pytest.fixture
def serve(start: Start) -> Start:
    """Starts an example on a free port, and knows its address."""

    def serve(example: str) -> Worker:
        worker = start(example, DYN_SYSTEM_PORT="0")
        greeting = worker.line()
        worker.address = greeting.removeprefix("metrics: http://").partition("/metrics ")[0]
        return worker

    return serve


@pytest.mark.parametrize("example", SERVERS)
def test_the_metrics_of_an_example_move(serve: Start, example: str) -> None:
    worker = serve(example)

    def moved() -> dict[str, Family] | None:
        exposition = scrape(worker.address)
        answered = sample(exposition, f"{NODE}_latency_seconds_count")
        active = sample(exposition, f"{NODE}_active_connections")
        return exposition if answered > 0 and active > 0 else None

    exposition = eventually(moved)
    types = {name: family.type for name, family in exposition.items() if name.startswith(NODE)}
    expected = {
        f"{NODE}_active_connections": "gauge",
        f"{NODE}_latency_seconds": "histogram",
        f"{NODE}_requests_by_model": "counter",
        f"{NODE}_requests_total": "counter",
    }
    assert types.items() >= expected.items()
    by_model = series(exposition, f"{NODE}_requests_by_model", "model_type", "model_size")
    assert by_model.keys() <= {("llama", "7b"), ("qwen", "32b"), ("llama", "70b")}
    assert sum(by_model.values()) > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("example", SERVERS)
def test_an_example_ends_cleanly_when_it_is_told_to(
    serve: Start, example: str, number: signal.Signals
) -> None:
    worker = serve(example)
    worker.interrupt(number)
    worker.assert_ends_cleanly()
    assert worker.lines() == []


@pytest.mark.parametrize("example", SERVERS)
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "try: DYN_SYSTEM_PORT=8081 ./server_with_"),
        ({"DYN_SYSTEM_PORT": "abc"}, "DYN_SYSTEM_PORT=abc is not a port"),
    ],
)
def test_an_example_that_cannot_serve_says_in_one_line_what_to_do(
    start: Start, example: str, settings: dict[str, str], says: str
) -> None:
    worker = start(example, **settings)
    assert worker.exit_code() == 1
    assert worker.lines() == []
    assert says in worker.errors
    assert len(worker.errors.splitlines()) == 1


def busy_engine(start: Start) -> Worker:
    """The example around an engine, with more to do than in `make run`, on a free port."""
    worker = start(ENGINE, *BUSY, DYN_SYSTEM_PORT="0", DYN_SYSTEM_HOST="127.0.0.1")
    worker.address = address_of(worker)
    return worker


def test_the_metrics_around_an_engine_move_beside_its_own(start: Start) -> None:
    worker = busy_engine(start)

    def moved() -> dict[str, Family] | None:
        exposition = scrape(worker.address)
        reasons = ("stop", "length", "abort")
        counts = [
            sample(exposition, f"{NODE}_answer_tokens_count", finish_reason=reason)
            for reason in reasons
        ]
        memory = sample(exposition, f"{NODE}_gpu_memory_bytes", gpu_id="0", memory_type="allocated")
        active = sample(exposition, f"{NODE}_active_connections")
        return exposition if all(counts) and active > 0 and memory > 16e9 else None

    exposition = eventually(moved)
    ended = sample(exposition, f"{NODE}_latency_seconds_count")
    assert sample(exposition, f"{NODE}_requests_total") > ended > 0
    by_model = series(exposition, f"{NODE}_requests_by_model", "model_type", "model_size")
    assert by_model.keys() == {("llama", "8b")}
    assert sample(exposition, "vllm:generation_tokens_total", model_name="llama-8b") > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_example_around_an_engine_finishes_its_requests_and_ends(
    start: Start, number: signal.Signals
) -> None:
    worker = busy_engine(start)
    eventually(lambda: sample(scrape(worker.address), f"{NODE}_active_connections") or None)
    worker.interrupt(number)
    assert worker.lines() == ["stopped"]
    worker.assert_ends_cleanly()


def test_a_port_that_is_in_use_is_one_line(start: Start) -> None:
    with make_run() as other:
        host, port = other.address.split(":")
        worker = start(ENGINE, *BUSY, DYN_SYSTEM_PORT=port, DYN_SYSTEM_HOST=host)
        assert worker.exit_code() == 1
    assert worker.errors.startswith(f"[Errno 98] cannot listen on {other.address}: ")
    assert worker.errors.endswith("set DYN_SYSTEM_PORT to another port, or to 0 for a free port\n")
    assert len(worker.errors.splitlines()) == 1


def test_a_wrong_argument_is_told_to_the_example_that_has_it(start: Start) -> None:
    worker = start(ENGINE, "--model", "llama-8b", "--load", "0")
    assert worker.exit_code() == 2
    last = worker.errors.splitlines()[-1]
    assert last == "custom_metrics.py: error: argument --load: '0' is not a number above 0"


def test_make_run_takes_the_port_as_the_message_about_one_in_use_has_it() -> None:
    settings = {**os.environ, "DYN_SYSTEM_PORT": "9000"}
    settings.pop("PORT", None)
    settings["DYN_HTTP_PORT"] = "7000"
    command = ["make", "--dry-run", "--no-print-directory", "run"]
    shown = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True)
    assert "\nDYN_SYSTEM_PORT=9000 " in f"\n{shown.stdout}", shown.stderr
    assert shown.stdout.rstrip().endswith("--http-port 7000")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_make_run_sends_its_load_through_the_api_and_ends_cleanly(number: signal.Signals) -> None:
    with make_run() as run:

        def moved() -> dict[str, Family] | None:
            families = scrape(run.frontend)
            started = families.get("dynamo_frontend_requests_started_total")
            kinds = (
                {one.labels["request_type"] for one in started.samples if one.value}
                if started
                else ()
            )
            tokens = "dynamo_frontend_output_tokens_total"
            return families if len(kinds) == 2 and sample(families, tokens) > 0 else None

        eventually(moved)
        listed = fetch(run.frontend, "/v1/models").json["data"]
        assert [model["id"] for model in listed] == ["llama-8b"]
        command, _ = block_with(ROOT / "README.md", "bash", "curl")
        command = command.replace("localhost:8000", run.frontend)
        answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        assert json.loads(answer.stdout)["choices"][0]["message"]["content"]
        run.interrupt(number)
        assert run.lines() == ["stopped", "stopped"]
        run.assert_ends_cleanly()


def test_make_run_shows_the_series_that_the_readme_shows() -> None:
    command, output = block_with(ROOT / "README.md", "sh", "curl")
    curl, _, rest = command.partition(" | ")
    assert curl == "curl -s http://localhost:8081/metrics"
    shown = [line.rpartition(" ")[0] for line in output.splitlines()]

    with make_run() as worker:

        def same() -> bool | None:
            exposition = fetch(worker.address).text
            done = subprocess.run(
                ["sh", "-c", rest], input=exposition, stdout=subprocess.PIPE, text=True
            )
            seen = [line.rpartition(" ")[0] for line in done.stdout.splitlines()]
            return seen == shown or None

        eventually(same)
