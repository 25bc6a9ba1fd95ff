"""What ``make run`` runs: a frontend, and a simulated worker whose load comes through its API.

Both end with this process, and this process with the first of them. A signal is passed on to both:
the first one lets running requests finish, a second one does not.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

EXAMPLE = Path(__file__).parents[1] / "examples" / "mocker" / "custom_metrics.py"


class Processes:
    """Programs that end together. What they print is printed here, line by line."""

    def __init__(self) -> None:
        self.ending = False
        self._running: list[subprocess.Popen[str]] = []
        self._readers: list[threading.Thread] = []

    def start(self, *arguments: str, greeting: int = 0) -> str:
        """Start a Python program; return the first ``greeting`` lines of it, printed already."""
        # In a session of its own: Ctrl-C reaches this process alone, which passes it on once.
        process = subprocess.Popen(
            [sys.executable, "-u", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout
        self._running.append(process)
        lines = "".join(process.stdout.readline() for _ in range(greeting))
        print(lines, end="", flush=True)
        reader = threading.Thread(target=self._follow, args=(process.stdout,))
        reader.start()
        self._readers.append(reader)
        return lines

    def tell(self, number: int) -> None:
        """Send a signal to all that run."""
        self.ending = True
        for process in self._running:
            if process.poll() is None:
                process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end of all, and return the first exit code that is not 0."""
        for reader in self._readers:
            reader.join()
        return next((code for code in [one.wait() for one in self._running] if code), 0)

    def _follow(self, lines: IO[str]) -> None:
        for line in lines:
            print(line, end="", flush=True)
        if not self.ending:  # it has ended by itself
            self.tell(signal.SIGTERM)


def main() -> int:
    """Run both until one ends, or until a signal, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--http-port", required=True, help="the port of the frontend")
    parser.add_argument("--load", default="8", help="requests a second")
    given = parser.parse_args()

    processes = Processes()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: processes.tell(number))
    greeting = processes.start("-m", "dynamo.frontend", "--http-port", given.http_port, greeting=2)
    if greeting and not processes.ending:
        url = greeting.splitlines()[0].removeprefix("frontend: ").removesuffix("/v1")
        processes.start(
            *(str(EXAMPLE), "--model", "llama-8b", "--endpoint", "dyn://demo.backend.generate"),
            *("--load", given.load, "--load-url", url),
        )
    return processes.wait()


if __name__ == "__main__":
    sys.exit(main())
