"""The time until there is a runtime, in fresh interpreters."""

from __future__ import annotations

import statistics
import subprocess
from time import perf_counter

from benchmarks import contenders
from benchmarks._harness import Results, Target, python_of
from benchmarks._worker import ROOT, clean_environment

TITLE = "Start-up"

NOTES = """\
The life of a fresh interpreter that imports the package, makes what metrics are created from, and
ends, less the life of one of the same environment that does nothing. A round takes the median of 9
pairs. Byte code is compiled and files are in the page cache by the second pair.
"""

_CASE = "import and runtime"
TARGETS = (Target(_CASE, 60),)

_PROGRAMS = {
    contenders.OURS: "from dynamo.runtime import DistributedRuntime\nDistributedRuntime()",
    contenders.DYNAMO: (
        "import asyncio\n"
        "from dynamo.runtime import DistributedRuntime\n"
        "async def main():\n"
        "    DistributedRuntime(asyncio.get_running_loop(), 'mem', 'tcp', False)\n"
        "asyncio.run(main())"
    ),
    contenders.PROMETHEUS_CLIENT: "import prometheus_client\nprometheus_client.CollectorRegistry()",
    contenders.OPENTELEMETRY: (
        "from opentelemetry.sdk.metrics import MeterProvider\nMeterProvider().get_meter('m')"
    ),
}
_PAIRS = 9


def measure(results: Results, rounds: int) -> None:
    """Time every contender's program in turn."""
    for _ in range(rounds):
        for key, program in _PROGRAMS.items():
            pairs = [_life(key, program) - _life(key, "") for _ in range(_PAIRS)]
            results.add(_CASE, key, "ms", 1e3 * statistics.median(pairs))


def _life(key: str, program: str) -> float:
    started = perf_counter()
    subprocess.run([python_of(key), "-c", program], cwd=ROOT, env=clean_environment(), check=True)
    return perf_counter() - started
