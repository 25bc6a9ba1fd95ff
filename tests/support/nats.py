"""NATS servers, real ones, each for one test."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.process import free_port, freeze
from tests.support.waiting import eventually

_SERVER = Path(sys.executable).parent / "nats-server"

LEASE = {"DYN_DISCOVERY_LEASE": "5"}
"""Shorter than the default, so that entries of killed workers expire soon. A busy machine may
delay a renewal."""


class NatsServer:
    """A server with JetStream on a port of the loopback that stays the same across restarts."""

    def __init__(self, *, jetstream: bool = True, config: str = "") -> None:
        """Starts it; ``config`` is what its configuration file says."""
        self._folder = Path(tempfile.mkdtemp(prefix="nats-"))
        self._jetstream = jetstream
        self._config = config
        self._port = -1  # any free one, which the server itself finds
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def cluster_address(self) -> str:
        """Where it listens to other servers, if its configuration says so."""
        assert self._process is not None
        [ports] = self._folder.glob(f"*{self._process.pid}.ports")
        return str(json.loads(ports.read_text())["cluster"][0]).rpartition("/")[2]

    def start(self) -> None:
        """Starts it, and returns when it listens."""
        command = [str(_SERVER), "-a", "127.0.0.1", "-p", str(self._port)]
        command += ["--ports_file_dir", str(self._folder)]
        if self._jetstream:
            command += ["-js", "-sd", str(self._folder / "store")]
        if self._config:
            (self._folder / "config").write_text(self._config)
            command += ["-c", str(self._folder / "config")]
        command += ["-l", str(self._folder / "log")]
        process = subprocess.Popen(command)
        self._process = process

        def listens() -> int | None:
            assert process.poll() is None, (self._folder / "log").read_text()
            for ports in self._folder.glob(f"*{process.pid}.ports"):
                listed = json.loads(ports.read_text() or "{}")
                found = listed.get("nats") or listed.get("tls") or []
                return int(found[0].rpartition(":")[2]) if found else None
            return None

        self._port = eventually(listens)

    def freeze(self) -> None:
        """Stops it as it is: its connections stay open, and nothing is answered."""
        assert self._process is not None
        freeze(self._process)

    def thaw(self) -> None:
        """Lets it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Ends it, and removes what it stored."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


async def flush(client: Any) -> None:
    """Returns when the server has handled what a client of nats-py has sent, subscriptions too.

    A ping of nats-py overtakes what waits for the next turn of the event loop to be written; by the
    answer to one all of that has been written.
    """
    await client.flush()
    await client.flush()


def nobody_listens() -> str:
    """The URL of a server that does not run."""
    return f"nats://127.0.0.1:{free_port()}"
