"""Probes while one process floods the server with 1,000 connections."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.client import fetch, request
from tests.support.flood import Flood, Handshakes, Hellos, Requests, flooded
from tests.support.process import Start, Worker
from tests.support.web import Files, fetch_tls

CALLBACK = "slow_callback.py"


@contextmanager
def measured(worker: Worker, times: list[float]) -> Iterator[None]:
    """Adds the seconds of CPU time that the worker uses in the block, at least a tenth of all.

    On a busy machine a probe waits long for a server that gets little CPU time, but a tenth of a
    core it always gets.
    """
    began, used = time.monotonic(), worker.cpu_seconds
    yield
    times.append(max(worker.cpu_seconds - used, (time.monotonic() - began) / 10))


@pytest.mark.parametrize(
    ("count", "payload"),
    [
        (560, request() * 20),
        (1000, request()),
        (1000, request("/live") * 20),
        (1000, request(headers={"Accept": "text/plain;q=0," * 2000})),
        (1000, b"GET /metr"),
    ],
    ids=["scrapes sent ahead", "scrapes", "probes sent ahead", "long headers", "half a header"],
)
def test_probes_are_answered_under_any_load_of_a_thousand_connections(
    serve: Start, count: int, payload: bytes
) -> None:
    worker = serve(CALLBACK)
    assert worker.line() == "ready"
    with flooded(worker.address, Requests(payload=payload), count):
        time.sleep(1)  # the load itself is under test, not an event
        times: list[float] = []
        resets = 0
        for path in ("/live", "/health") * 10:
            with measured(worker, times):
                try:
                    assert fetch(worker.address, path).status in (200, 503)
                except ConnectionResetError:
                    resets += 1
    # Among a thousand new connections, the one that is closed for another may be a probe's own.
    assert resets <= 1
    times.sort()
    # The right value is 0.1: `make bench ONLY=floods` measures it on a machine without other work.
    # Here the server shares the cores with the flood and with other programs.
    assert times[10] < 2
    assert times[-1] < 5


def flood_of(files: Files, kind: str) -> Flood:
    ca, client = files / "ca.pem", files / "client"
    return {
        "stall": Hellos(ca=ca, client=client),
        "leave": Hellos(ca=ca, client=client, waits=False),
        "complete": Handshakes(ca=ca, client=client),
        "are refused": Handshakes(ca=ca, client=files / "stranger"),
    }[kind]


@pytest.mark.parametrize("kind", ["stall", "leave", "complete", "are refused"])
def test_probes_are_answered_while_a_thousand_clients_begin_tls_handshakes_and(
    serve: Start, tmp_path: Path, kind: str
) -> None:
    files = Files(tmp_path)
    files.write(client_auth_type="RequireAndVerifyClientCert", client_ca_file="ca.pem")
    worker = serve("logs.py", DYN_SYSTEM_WEB_CONFIG=str(files.path))
    any_client, older, of_one_group = (files.context("client") for _ in range(3))
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    of_one_group.set_ecdh_curve("secp384r1")
    times: list[float] = []
    with flooded(worker.address, flood_of(files, kind)):
        for context in (any_client, older, of_one_group):
            with measured(worker, times):
                assert fetch_tls(worker.address, context, "/live").status == 200
    # As above: 0.1 on a machine without other work.
    assert max(times) < 5, times
