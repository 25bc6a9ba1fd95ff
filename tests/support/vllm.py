"""Workers around vLLM: the real one where it is installed, else the stub beside this file."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil

from tests.support.client import fetch
from tests.support.process import Worker
from tests.support.waiting import eventually

STUB = Path(__file__).parent / "vllm_stub"
REAL = find_spec("vllm") is not None
if not REAL:
    sys.path.append(str(STUB))

MODEL = "tiny"
"""What metrics call the model."""
VOCABULARY = 1000
LONGEST = 128
"""Tokens of a request and its answer together."""

_TIMEOUT = 150.0
"""Seconds for what an engine does. The real one takes half a minute to start."""

Start = Callable[..., "VllmWorker"]


def environment() -> dict[str, str]:
    """What a worker needs to find vLLM, and to keep it from asking anybody for a model."""
    if REAL:
        return {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    before = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    return {"PYTHONPATH": os.pathsep.join([str(STUB), *before])}


def make_model(folder: Path) -> None:
    """Put a tiny model there, one that the stub takes for one or one that the real vLLM loads."""
    if REAL:
        from tests.vllm.tiny_model import make

        make(folder, VOCABULARY, LONGEST)
    else:
        settings = {"vocab_size": VOCABULARY, "max_position_embeddings": LONGEST}
        (folder / "config.json").write_text(json.dumps(settings))


def command(model: Path | str, *arguments: str, program: Path | None = None) -> list[str]:
    """The command line as users write it, or for their own program, with a small engine."""
    return [
        *(sys.executable, *([str(program)] if program else ["-m", "dynamo.vllm"])),
        *("--model", str(model)),
        *("--served-model-name", MODEL, "--dtype", "float32", "--enforce-eager"),
        *("--max-model-len", str(LONGEST), "--max-num-seqs", "8"),
        *("--kv-cache-memory-bytes", str(64 << 20), *arguments),
    ]


class VllmWorker(Worker):
    """``python -m dynamo.vllm`` as a process, and the processes of its engine."""

    def __init__(self, command: list[str], settings: dict[str, str]) -> None:
        served = {"DYN_SYSTEM_PORT": "0", "DYN_SYSTEM_HOST": "127.0.0.1"}
        super().__init__(command, {**environment(), **served, **settings})

    def find_address(self) -> None:
        """Wait until it says where its metrics are, among what vLLM says."""
        greeting = "metrics: http://"
        line = next(line for line in iter(self.line, None) if line.startswith(greeting))
        self.address = line.removeprefix(greeting).removesuffix("/metrics")

    def wait_until_ready(self) -> None:
        """Wait until its engine has started, and its endpoint takes requests."""

        def ready() -> bool | None:
            assert psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE, self.errors
            return fetch(self.address, "/health").status == 200 or None

        eventually(ready, _TIMEOUT)

    def engine(self) -> list[psutil.Process]:
        """Both processes of its engine, as soon as they are there: the core and its worker."""

        def found() -> list[psutil.Process] | None:
            all_of_them = psutil.Process(self.pid).children(recursive=True)
            engine = [process for process in all_of_them if _title(process).startswith("VLLM::")]
            return engine if len(engine) == 2 else None

        return eventually(found, _TIMEOUT)


def _title(process: psutil.Process) -> str:
    try:
        return "".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@contextlib.contextmanager
def vllm_workers(model: Path) -> Iterator[Start]:
    """Starts workers with further arguments and settings; they end with the block at the latest."""
    with contextlib.ExitStack() as started:

        def start(
            *arguments: str,
            model: Path | str = model,
            program: Path | None = None,
            **settings: str,
        ) -> VllmWorker:
            worker = VllmWorker(command(model, *arguments, program=program), settings)
            started.callback(worker.close)
            return worker

        yield start
