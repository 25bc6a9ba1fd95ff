from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.process import Start, Worker, serving, workers
from tests.support.prometheus import Prometheus, scraping


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts workers that end with the test: ``start(script, files=None, **settings)``."""
    with workers() as start:
        yield start


@pytest.fixture
def serve(start: Start) -> Start:
    """Starts workers as ``start`` does, that serve on a free port before their script begins."""

    def serve(script: str = "input()", files: int | None = None, **settings: str) -> Worker:
        return serving(start, script, files, **settings)

    return serve


FORKS = """
    import warnings
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

    counter = metrics.create_intcounter("counted_total", "help")
    vec = metrics.create_intcountervec("vec_total", "help", ["a"])
    counter.inc()

    def fork(child):
        pid = os.fork()
        if not pid:
            code = 1
            try:
                child()
                code = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(code)
        return pid

    def ended(pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
"""A child ends with 0 if what it does raises nothing."""


@pytest.fixture
def forking(serve: Start) -> Start:
    """Starts workers as ``serve`` does, that may ``fork(child)`` and see how it ``ended``."""

    def start(script: str = "input()", files: int | None = None, **settings: str) -> Worker:
        return serve(textwrap.dedent(FORKS) + textwrap.dedent(script), files, **settings)

    return start


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[..., Prometheus]]:
    """Starts the real Prometheus server: ``prometheus(address, *flags)`` scrapes every second."""
    with contextlib.ExitStack() as servers:

        def start(address: str, *flags: str) -> Prometheus:
            folder = tmp_path / address.replace(":", "_")
            folder.mkdir()
            return servers.enter_context(scraping(address, folder, *flags))

        yield start
