"""The latency of probes while one process floods the server with 1,000 connections."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

import trustme

from benchmarks import contenders
from benchmarks._harness import Results, Target
from benchmarks._worker import HERE, ROOT, clean_environment
from tests.support.client import fetch, request
from tests.support.flood import Flood, Handshakes, Hellos, Requests, flooded
from tests.support.web import Files, fetch_tls

TITLE = "Probes under floods"

NOTES = """\
A process keeps 1,000 connections to the status server busy, and replaces each that ends. Another
process asks for `/live` 20 times, each time on a new connection, with a TLS handshake where the
server has TLS. A round has the slowest of the 20, and their median. The server has a callback of 50
ms. Certificates are ECDSA (P-256) where RSA (2,048 bits) is not named. The flood has the address of
the probes, 127.0.0.1; from elsewhere, it has 127.0.0.2. Server, flood and probes share the cores.
"""

_PROGRAM = """
import sys
import time
from dynamo.runtime import DistributedRuntime
runtime = DistributedRuntime(port=0, host="127.0.0.1")
runtime.metrics.register_callback(lambda: time.sleep(0.05))
print(runtime.system_status_address, flush=True)
sys.stdin.read()
"""
_PROBES = 20
_HERE, _ELSEWHERE = "127.0.0.1", "127.0.0.2"


@dataclass(frozen=True)
class _Case:
    """A flood, and the web config of the server."""

    flood: Flood | None
    files: Files | None = None
    client: str | None = None
    """The certificate of the probes."""

    def times(self) -> list[float]:
        """Return the milliseconds of each probe."""
        settings = {} if self.files is None else {"DYN_SYSTEM_WEB_CONFIG": str(self.files.path)}
        with _server(settings) as address:
            # Imports what a probe needs.
            self._probe(address)
            with flooded(address, self.flood) if self.flood else nullcontext():
                sleep(1)
                return [1e3 * self._probe(address) for _ in range(_PROBES)]

    def _probe(self, address: str) -> float:
        context = None if self.files is None else self.files.context(self.client)
        started = perf_counter()
        if context is None:
            answer = fetch(address, "/live")
        else:
            answer = fetch_tls(address, context, "/live")
        elapsed = perf_counter() - started
        if answer.status != 200:
            raise RuntimeError(f"GET /live was answered with {answer.status}")
        return elapsed


_FLOODS = (
    "no flood",
    "scrapes",
    "scrapes sent ahead",
    "probes sent ahead",
    "long headers",
    "half a header",
    "no flood, TLS",
    "TLS handshakes that stall",
    "TLS handshakes that are abandoned",
    "TLS handshakes",
    "TLS handshakes that stall, from elsewhere",
    "TLS handshakes that are abandoned, from elsewhere",
    "TLS handshakes, from elsewhere",
    "TLS handshakes with client certificates",
    "TLS handshakes with client certificates that are refused",
    "TLS handshakes that stall, RSA",
    "TLS handshakes that are abandoned, RSA",
    "TLS handshakes, RSA",
)


def _cases(folder: Path) -> dict[str, _Case]:
    ecdsa, rsa, mutual = (_files(folder / name) for name in ("ecdsa", "rsa", "mutual"))
    key_type = trustme.KeyType.RSA
    rsa.write_certificate("server", rsa.ca.issue_cert("localhost", _HERE, key_type=key_type))
    mutual.write(client_auth_type="RequireAndVerifyClientCert", client_ca_file="ca.pem")

    def tls(files: Files, source: str = _HERE) -> list[_Case]:
        ca = files / "ca.pem"
        floods = (Hellos(source, ca), Hellos(source, ca, waits=False), Handshakes(source, ca))
        return [_Case(flood, files) for flood in floods]

    def with_certificate(name: str) -> _Case:
        return _Case(Handshakes(_HERE, mutual / "ca.pem", mutual / name), mutual, "client")

    cases = [
        _Case(None),
        _Case(Requests(payload=request())),
        _Case(Requests(payload=request() * 20)),
        _Case(Requests(payload=request("/live") * 20)),
        _Case(Requests(payload=request(headers={"Accept": "text/plain;q=0," * 2000}))),
        _Case(Requests(payload=b"GET /metr")),
        _Case(None, ecdsa),
        *tls(ecdsa),
        *tls(ecdsa, _ELSEWHERE),
        with_certificate("client"),
        with_certificate("stranger"),
        *tls(rsa),
    ]
    return dict(zip(_FLOODS, cases, strict=True))


def _files(folder: Path) -> Files:
    folder.mkdir()
    files = Files(folder)
    files.write()
    return files


def _slowest(flood: str) -> str:
    return f"slowest `/live`: {flood}"


TARGETS = tuple(Target(_slowest(flood), 100) for flood in _FLOODS)


def measure(results: Results, rounds: int) -> None:
    """Probe a server of its own under each flood in turn."""
    with tempfile.TemporaryDirectory() as folder:
        cases = _cases(Path(folder))
        for _ in range(rounds):
            for flood, case in cases.items():
                times = case.times()
                results.add(_slowest(flood), contenders.OURS, "ms", max(times))
                results.add(f"median: {flood}", contenders.OURS, "ms", statistics.median(times))


@contextmanager
def _server(settings: dict[str, str]) -> Iterator[str]:
    process = subprocess.Popen(
        [HERE, "-c", _PROGRAM],
        cwd=ROOT,
        env={**clean_environment(), **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
