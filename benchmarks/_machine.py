"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import date
from importlib.metadata import version
from pathlib import Path

from benchmarks import contenders
from benchmarks._harness import python_of
from benchmarks._worker import ROOT


def describe() -> dict[str, str]:
    """Return machine, tools and versions, by name."""
    return {
        "Processor": f"{_first('/proc/cpuinfo', 'model name.*: (.+)')}, {os.cpu_count()} cores",
        "Memory": f"{int(_first('/proc/meminfo', 'MemTotal: *([0-9]+)')) / 2**20:.0f} GiB",
        "System": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}",
        "Python": platform.python_version(),
        "Compilers": f"{_said('rustc', '--version')}; {_said('gcc', '--version')}",
        "dynamo-runtime": version("dynamo-runtime"),
        "Dynamo": f"ai-dynamo-runtime {_dynamo()}",
        "prometheus_client": version("prometheus_client"),
        "OpenTelemetry": f"opentelemetry-sdk {version('opentelemetry-sdk')}",
        "Crates": f"prometheus {_crate('prometheus')}, measured {_crate('measured')}",
    }


def moment() -> dict[str, str]:
    """Return when something is measured: the date, the commit, and how busy the machine is."""
    commit = _said("git", "rev-parse", "--short", "HEAD")
    changed = _said("git", "status", "--porcelain", "--", "crates", "python")
    return {
        "date": date.today().isoformat(),
        "commit": f"{commit} with local changes" if changed else commit,
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _first(path: str, pattern: str) -> str:
    found = re.search(pattern, Path(path).read_text())
    return found[1] if found else "unknown"


def _said(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.partition("\n")[0].strip()


def _dynamo() -> str:
    code = "from importlib.metadata import version; print(version('ai-dynamo-runtime'))"
    return _said(python_of(contenders.DYNAMO), "-c", code)


def _crate(name: str) -> str:
    lock = ROOT / "benchmarks" / "rust" / "Cargo.lock"
    return _first(str(lock), rf'name = "{name}"\nversion = "(.+)"')
