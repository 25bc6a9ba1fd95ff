"""Prometheus servers, real ones, that scrape what a test runs and answer queries about it."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.support.client import fetch
from tests.support.process import free_port
from tests.support.waiting import eventually

INSTALL = "tests/support/install_prometheus.sh"


class Result(NamedTuple):
    """One series of the answer to a query, without its name."""

    labels: dict[str, str]
    value: float


class Prometheus:
    """A running server; ``target`` is what it scrapes, if there is one from the start."""

    def __init__(self, address: str, target: str = "") -> None:
        self.address = address
        self.target = target
        self._time: dict[str, float] = {}

    def query(self, expression: str) -> list[Result]:
        """The series that a PromQL expression gives now, in no order; see ``keep_a_scrape()``."""
        data = self._api("query", query=expression, **self._time)
        if data["resultType"] == "scalar":
            return [Result({}, float(data["result"][1]))]
        return [
            Result(
                {name: value for name, value in one["metric"].items() if name != "__name__"},
                float(one["value"][1]),
            )
            for one in data["result"]
        ]

    def shows(self, expression: str) -> bool | None:
        """Whether an expression gives a line to draw now: True, or None for ``eventually``."""
        return any(math.isfinite(one.value) for one in self.query(expression)) or None

    def value(self, expression: str) -> float:
        """The value of the one series that an expression gives as soon as it gives any."""
        [result] = self.results(expression)
        return result.value

    def results(self, expression: str) -> list[Result]:
        """As ``query()``, as soon as the expression gives any series.

        It gives none after a scrape that a busy machine did not complete in time.
        """
        return eventually(lambda: self.query(expression) or None)

    def metadata(self, family: str) -> dict[str, str]:
        """The ``type``, ``help`` and ``unit`` of a family as soon as it has been scraped."""
        [metadata] = eventually(lambda: self._api("metadata", metric=family).get(family))
        return dict(metadata)

    def exemplars(self, selector: str) -> list[dict[str, str]]:
        """The labels of the exemplars of some series as soon as there are any."""
        times = {"start": 0, "end": 2**32}
        found = eventually(lambda: self._api("query_exemplars", query=selector, **times) or None)
        return [exemplar["labels"] for series in found for exemplar in series["exemplars"]]

    def wait_for_a_scrape(self) -> None:
        """Waits until a scrape that began later than this call has worked, and is stored."""
        self._next_scrape()

    def keep_a_scrape(self) -> None:
        """As ``wait_for_a_scrape()``, and has all queries show what was stored by that scrape."""
        self._time = {"time": self._next_scrape()}

    def _next_scrape(self) -> float:
        """The time of the next scrape that works."""
        [now] = self.query("time()")
        # Prometheus scrapes a worker again that did not answer within a second.
        stored = f"timestamp(up) > {now.value} and up == 1"
        return eventually(lambda: self.query(stored) or None)[0].value

    def targets(self) -> dict[str, str]:
        """The ``health`` of the targets there are now, by their label ``instance``."""
        targets = self._api("targets", state="active")["activeTargets"]
        return {target["labels"]["instance"]: target["health"] for target in targets}

    def label_names(self) -> list[str]:
        """The names of all labels of all series, those of targets that are gone included."""
        return list(self._api("labels"))

    def _api(self, path: str, **parameters: str | float) -> Any:
        answer = fetch(self.address, f"/api/v1/{path}?{urlencode(parameters)}").json
        assert answer["status"] == "success", answer
        return answer["data"]


@contextlib.contextmanager
def scraping(target: str, folder: Path, *flags: str) -> Iterator[Prometheus]:
    """A Prometheus server that scrapes a target every second."""
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "worker", "static_configs": [{"targets": [target]}]}],
    }
    with configured(config, folder, *flags) as server:
        server.target = target
        yield server


@contextlib.contextmanager
def configured(config: Any, folder: Path, *flags: str) -> Iterator[Prometheus]:
    """A Prometheus server that keeps all its files in ``folder``; it ends with the block."""
    program = shutil.which("prometheus")
    assert program, f"there is no Prometheus server: run {INSTALL}, or install one yourself"
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config))  # JSON is YAML too
    address = f"127.0.0.1:{free_port()}"
    log = folder / "prometheus.log"
    command = [
        program,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        *flags,
    ]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            eventually(lambda: _is_ready(server, address, log))
            yield Prometheus(address)
        finally:
            server.kill()


def _is_ready(server: subprocess.Popen[bytes], address: str, log: Path) -> bool | None:
    assert server.poll() is None, f"the Prometheus server ended:\n{log.read_text()}"
    try:
        return fetch(address, "/-/ready").status == 200 or None
    except OSError:
        return None
