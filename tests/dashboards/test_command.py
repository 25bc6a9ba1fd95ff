"""``dynamo-metrics dashboard`` writes dashboards, and says in one line why it cannot."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dynamo_metrics.cli._dashboard import made
from tests.fleet.conftest import BIN, Run
from tests.fleet.conftest import run as run
from tests.support.process import free_port, serving, workers

DASHBOARD = (BIN / "dynamo-metrics", "dashboard")


def failure(run: Run, *arguments: str | Path) -> str:
    """The one line that a command ends with."""
    command = run(*DASHBOARD, *arguments)
    assert command.lines() == []
    assert command.exit_code() == 1
    [line] = command.errors.splitlines()
    return line


def refusal(url: str) -> str:
    """The one line with which an address is refused."""
    with pytest.raises((OSError, ValueError)) as refused:
        made(url)
    [line] = str(refused.value).splitlines()
    return line


@contextmanager
def answering(status: int, body: bytes, content_type: str = "text/plain") -> Iterator[str]:
    """A server that gives everybody the same answer; where it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class TestWithItsPackages:
    @pytest.fixture(autouse=True)
    def _packages(self) -> None:
        pytest.importorskip("grafana_foundation_sdk")

    def test_without_an_address_it_writes_the_dashboard_of_workers(self, run: Run) -> None:
        from dynamo_metrics.dashboards.worker import worker_dashboard

        command = run(*DASHBOARD)
        assert "\n".join(command.lines()) + "\n" == worker_dashboard()
        command.assert_ends_cleanly()

    def test_with_an_address_it_writes_one_of_the_exposition(
        self, run: Run, tmp_path: Path
    ) -> None:
        output = tmp_path / "dashboard.json"
        with workers() as start:
            worker = serving(start, 'metrics.create_gauge("level", "Level")\nprint()\ninput()')
            worker.line()
            command = run(*DASHBOARD, worker.address, "--output", output)
            assert command.lines() == []
            command.assert_ends_cleanly()
            written = output.read_text()
            for form in ("http://{}", "http://{}/", "http://{}/metrics"):
                assert made(form.format(worker.address)) == written
        titles = [panel["title"] for panel in json.loads(written)["panels"]]
        assert "ns_comp_ep_level" in titles

    def test_nobody_there_is_one_line(self, run: Run) -> None:
        port = free_port()
        assert failure(run, f"127.0.0.1:{port}") == (
            f"http://127.0.0.1:{port}/metrics cannot be reached: Connection refused; give the "
            "address of a worker, as in localhost:8081"
        )

    @pytest.mark.parametrize("address", ["/etc/hostname", "file:///etc/hostname", "host:port"])
    def test_what_is_no_address_is_one_line(self, address: str) -> None:
        assert refusal(address) == (
            f"{address} is not an address of metrics; give one as in localhost:8081 or "
            "http://localhost:8081/metrics"
        )

    @pytest.mark.parametrize(
        ("status", "body", "message"),
        [
            (404, b"no", "answered 404 Not Found (no); metrics are mostly at /metrics"),
            (200, b"", "shows no metrics; give the address of an exposition, as in http://"),
            (200, b"# HELP a b\n", "shows no metrics; give the address of an exposition"),
            (200, b"<html>\n<body>", "shows no metrics: line 1: '<html>' is not how a line begins"),
            (200, b"\xff\xfe", "shows no metrics: "),
            (200, b'{"a": 1}', "shows no metrics: line 1: "),
        ],
    )
    def test_what_is_no_exposition_is_one_line(
        self, status: int, body: bytes, message: str
    ) -> None:
        with answering(status, body) as address:
            line = refusal(address)
        assert line.startswith(f"http://{address}/metrics {message}")

    def test_lines_that_cannot_be_read_are_named_and_the_rest_has_its_panels(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with answering(200, b"good 1\n$bad 2\n") as address:
            dashboard = json.loads(made(f"http://me:secret@{address}"))
        assert [panel["title"] for panel in dashboard["panels"]] == ["good", "good"]
        [told] = caplog.messages
        assert told.startswith(
            f"{address}/metrics: the dashboard leaves out what cannot be read, the first: line 2: "
        )
        assert dashboard["title"] == f"Metrics of {address}/metrics"

    def test_a_file_that_cannot_be_written_is_one_line(self, run: Run, tmp_path: Path) -> None:
        nowhere = tmp_path / "no" / "dashboard.json"
        assert failure(run, "--output", nowhere) == (
            f"--output {nowhere} cannot be written: No such file or directory; name a file in a "
            "folder that is there and may be written to"
        )


def test_a_package_that_is_missing_is_one_line_with_what_to_install(run: Run) -> None:
    hidden = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None; import dynamo_metrics.cli as c; "
        "c.main()"
    )
    command = run(sys.executable, "-c", hidden, "dashboard")
    assert command.lines() == []
    assert command.exit_code() == 1
    [line] = command.errors.splitlines()
    assert line.startswith("dynamo-metrics dashboard needs ")
    assert "pip install 'dynamo-metrics[cli,dashboards]'" in line
