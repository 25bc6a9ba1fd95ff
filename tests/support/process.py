"""Workers: Python processes that run a script and talk to the test, line by line."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, Protocol

from tests.support.client import TIMEOUT_SECONDS
from tests.support.documents import ROOT

SERVE = """
import os, sys, threading
from tests.programs.served import DistributedRuntime, endpoint, metrics, runtime
"""
"""What a script of one line begins with. The address is the first line it prints."""


class Worker:
    """A process that prints lines for the test and reads those that the test tells it.

    It leads a group of its own: what it has forked ends with it, at the latest with the test.
    Unless its settings say otherwise, the callbacks of a scrape have a minute.
    """

    address: str
    """Where it serves, for those that begin with ``SERVE``."""

    def __init__(
        self, command: Sequence[str | Path], settings: dict[str, str], cwd: Path | None = None
    ) -> None:
        # The process shares the position in the file: it must append, wherever errors reads.
        self._errors = tempfile.TemporaryFile("a+")  # noqa: SIM115 - closed by close()
        environment = {name: os.environ[name] for name in os.environ if name[:4] != "DYN_"}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            bufsize=1,
            env={
                **environment,
                "PYTHONUNBUFFERED": "1",
                "DYN_METRICS_CALLBACK_TIMEOUT": "60",
                **settings,
            },
            cwd=cwd,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._stdin = self._process.stdin
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def cpu_seconds(self) -> float:
        """The CPU time that the process has used, in hundredths, without its children."""
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def errors(self) -> str:
        """What has been written to stderr so far."""
        self._errors.seek(0)
        return self._errors.read()

    def line(self) -> str:
        """The next line of stdout, which must come."""
        try:
            line = self._lines.get(timeout=TIMEOUT_SECONDS)
        except queue.Empty:
            self._fail("printed nothing more")
        if line is None:
            self._fail("ended without another line")
        return line

    def lines(self) -> list[str]:
        """All further lines of stdout, up to its end."""
        return list(iter(lambda: self._lines.get(timeout=TIMEOUT_SECONDS), None))

    def text(self, end: str) -> str:
        """The lines up to one that is ``end``, which must come."""
        return "".join(f"{line}\n" for line in iter(self.line, end))

    def tell(self, line: str = "") -> None:
        """Sends a line to stdin."""
        self._stdin.write(line + "\n")

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Does as Ctrl-C does, or sends another signal."""
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Stops the process as it is, until ``thaw()``."""
        freeze(self._process)

    def thaw(self) -> None:
        """Lets it go on."""
        self._process.send_signal(signal.SIGCONT)

    def exit_code(self) -> int:
        """Waits for the end, which must come; a signal that was the end is negative."""
        try:
            return self._process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)  # for the stacks of its threads
            self._process.wait(TIMEOUT_SECONDS)
            self._fail("did not end")

    def assert_runs(self) -> None:
        """Fails, with what it has written to stderr, if it has ended."""
        if self._process.poll() is not None:
            self._fail(f"ended with {self._process.returncode}")

    def assert_ends_cleanly(self) -> None:
        """Waits for the end: with 0, and nothing on stderr."""
        code, errors = self.exit_code(), self.errors
        assert code == 0, f"the worker ended with {code}; its stderr:\n{errors}"
        assert errors == ""

    def close(self) -> None:
        """Ends what still runs, and closes the pipes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(TIMEOUT_SECONDS)
        for stream in (self._stdin, self._process.stdout, self._errors):
            if stream:
                with contextlib.suppress(BrokenPipeError):  # a line that nobody has read
                    stream.close()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _fail(self, what: str) -> NoReturn:
        raise AssertionError(f"the worker {what}; its stderr:\n{self.errors}")


def freeze(process: subprocess.Popen[Any]) -> None:
    """Stops a process as it is, and returns when all of its threads have stopped."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


class Start(Protocol):
    """Starts a worker that runs a program, with arguments.

    A program is a file of the folder ``programs`` beside the test (``"forks.py"``) or a script of a
    line or two. It may have ``files`` files open, and finds the settings in its environment.
    """

    def __call__(
        self,
        program: str = "input()",
        *arguments: object,
        files: int | None = None,
        **settings: str,
    ) -> Worker: ...


@contextlib.contextmanager
def workers(test: Path | str | None = None) -> Iterator[Start]:
    """Starts workers that end with the block, at the latest, for the tests of a file."""
    with contextlib.ExitStack() as started:

        def start(
            program: str = "input()",
            *arguments: object,
            files: int | None = None,
            **settings: str,
        ) -> Worker:
            command = [sys.executable, "-X", "faulthandler", *_command(program, test)]
            command += map(str, arguments)
            if files is not None:
                command = ["sh", "-c", f'ulimit -n {files} && exec "$0" "$@"', *command]
            path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
            worker = Worker(command, {"PYTHONPATH": path, **settings})
            started.callback(worker.close)
            return worker

        yield start


def _command(program: str, test: Path | str | None) -> list[str]:
    if not program.endswith(".py"):
        return ["-c", textwrap.dedent(program)]
    assert test, f"workers() does not know where {program} is"
    return [str(Path(test).parent / "programs" / program)]


def serving(start: Start, program: str = "input()", *arguments: object, **options: Any) -> Worker:
    """A worker whose program serves on a free port of the loopback.

    A file imports ``tests.programs.served`` for that.
    """
    options = {"DYN_SYSTEM_PORT": "0", "DYN_SYSTEM_HOST": "127.0.0.1", **options}
    if not program.endswith(".py"):
        program = SERVE + textwrap.dedent(program)
    worker = start(program, *arguments, **options)
    worker.address = worker.line()
    return worker


def free_port() -> int:
    """A port that is free now, for those who need to know it before they listen.

    It is not among those that the system itself gives to listeners and clients.
    """
    for port in random.sample(range(10_000, 32_000), 100):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("none of 100 ports is free")
