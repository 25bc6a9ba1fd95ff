"""What ``make wheels`` writes. The wheels are installed into fresh environments of each Python."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from functools import cache
from pathlib import Path

import pytest

from tests.support import buckets, exposition, sample
from tests.support.documents import ROOT, blocks
from tests.support.stress import STRESS

DIST = ROOT / "dist"
METRICS = ROOT / "packages" / "dynamo-metrics"
RUNTIME = ROOT / "packages" / "dynamo-runtime"
GUIDE = ROOT / "tests" / "guide" / "python.md"

[VERSION] = re.findall(r'\nversion = "(.+)"\n', (RUNTIME / "pyproject.toml").read_text())
PYTHONS = re.findall(r'Python :: (3\.\d+)"', (METRICS / "pyproject.toml").read_text())
"""The versions of Python that the packages declare; each day the oldest and newest are tried."""

PROGRAMS = Path(__file__).with_name("programs")


def built(package: str, kind: str) -> Path:
    """The file of this version, and of this machine if there are several."""
    names = {
        "sdist": f"{package}-{VERSION}.tar.gz",
        "native": f"{package}-{VERSION}-*_{platform.machine()}.whl",
        "pure": f"{package}-{VERSION}-py3-none-any.whl",
    }
    found = [*DIST.glob(names[kind])]
    assert len(found) == 1, f"dist/ has {len(found)} files {names[kind]}, not one: run make wheels"
    return found[0]


def metrics_wheel() -> Path:
    return built("dynamo_metrics", "native")


def runtime_wheel() -> Path:
    return built("dynamo_runtime", "pure")


def files(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def metadata(wheel: Path) -> Message:
    """What an installer reads."""
    package, version, *_ = wheel.name.split("-")
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"{package}-{version}.dist-info/METADATA").decode())


def sdist_files(package: str) -> set[str]:
    with tarfile.open(built(package, "sdist")) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@cache
def interpreter(version: str) -> Path | None:
    """A Python of this version, on PATH, of pyenv or of uv. It must run: pyenv's shim may not."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    uv = Path.home() / ".local" / "share" / "uv" / "python"
    folders = [
        Path(sys.base_prefix, "bin"),
        *(Path(folder) for folder in os.get_exec_path()),
        *sorted(pyenv.glob(f"versions/{version}.*/bin"), reverse=True),
        *sorted(uv.glob(f"cpython-{version}.*/bin"), reverse=True),
    ]
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    for program in (folder / f"python{version}" for folder in folders):
        if not os.access(program, os.X_OK):
            continue
        answer = subprocess.run([program, "-c", code], capture_output=True, text=True, timeout=30)
        if answer.stdout == f"{version}\n":
            return program
    return None


class Environment:
    """A virtual environment. Its PATH has no compiler and no cargo."""

    def __init__(self, program: Path, folder: Path) -> None:
        subprocess.run([program, "-m", "venv", "--without-pip", folder], check=True)
        self._python = folder / "bin" / "python"
        self._settings = {"PATH": str(folder / "bin"), "HOME": str(folder)}

    def install(self, *wheels: Path) -> None:
        """Install these files and nothing else, from nowhere else."""
        options = ["--no-index", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
        pip = [sys.executable, "-m", "pip", "--python", self._python]
        subprocess.run([*pip, "install", *options, *wheels], check=True, timeout=50)

    def run(self, program: str, stdin: str = "") -> str:
        """What the program prints. It must not write to stderr."""
        done = subprocess.run(
            [self._python, "-W", "error", PROGRAMS / program],
            input=stdin,
            env=self._settings,
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture(params=PYTHONS if STRESS else [PYTHONS[0], PYTHONS[-1]])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    program = interpreter(request.param)
    if program is None:
        pytest.skip(f"Python {request.param} is not installed here")
    return Environment(program, tmp_path)


def test_the_metrics_work_alone_and_the_guide_runs_with_the_runtime(
    environment: Environment,
) -> None:
    environment.install(metrics_wheel())
    families = exposition(environment.run("use_metrics_alone.py"))
    assert sample(families, "ns_comp_ep_requests_total", dynamo_endpoint="ep") == 3

    environment.install(runtime_wheel())
    snippets = [block.body for block in blocks(GUIDE.read_text())]
    printed = environment.run("run_guide.py", json.dumps(snippets)).splitlines(keepends=True)
    prefix = "my_namespace_my_component_my_endpoint"
    name, const_labels, variable_labels, *lines = printed
    assert name == f"{prefix}_requests_total\n"
    assert "'dynamo_endpoint': 'my_endpoint', 'region': 'us-west', 'env': 'prod'" in const_labels
    assert variable_labels == "['a', 'b']\n"
    families = exposition("".join(lines))
    assert sample(families, f"{prefix}_active_connections") == 17
    assert sample(families, f"{prefix}_requests_by_model", model_type="llama", model_size="7b") == 1
    assert sample(families, f"{prefix}_gpu_memory_bytes", gpu_id="0") == 8192
    assert buckets(families, f"{prefix}_latency_seconds")["0.1"] == 1


def test_the_metrics_wheel_installs_one_package() -> None:
    folders = {name.partition("/")[0] for name in files(metrics_wheel())}
    assert folders == {"dynamo_metrics", f"dynamo_metrics-{VERSION}.dist-info"}


def test_the_runtime_wheel_adds_to_the_namespace_package() -> None:
    names = files(runtime_wheel())
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"dynamo", f"dynamo_runtime-{VERSION}.dist-info"}
    assert "dynamo/__init__.py" not in names
    assert "dynamo/py.typed" in names


def test_the_native_module_is_for_every_python_from_3_10_on() -> None:
    assert f"-{VERSION}-cp310-abi3-" in metrics_wheel().name
    assert "dynamo_metrics/_native.abi3.so" in files(metrics_wheel())


@pytest.fixture(scope="module")
def report() -> str:
    """What auditwheel says of the native wheel."""
    auditwheel = ROOT / ".venv-wheels" / "bin" / "auditwheel"
    command = [auditwheel, "show", metrics_wheel()]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_auditwheel_agrees_that_the_wheel_needs_no_more_than_glibc_2_17(report: str) -> None:
    [tag] = re.findall(r'platform tag:\s+"(\w+)"', report)
    assert tag == f"manylinux_2_17_{platform.machine()}"
    assert tag in metrics_wheel().name


def test_the_native_module_uses_the_unwinder_of_glibc(report: str) -> None:
    """glibc ends threads with it. A second unwinder in the module crashes programs at exit."""
    assert "libgcc_s.so.1" in report


def test_the_metrics_sdist_holds_all_that_cargo_needs() -> None:
    """The wheel is built from it, in a temporary folder."""
    sources = {"Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md", "PKG-INFO"}
    crates = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "crates").rglob("*")
        if file.is_file() and "node_modules" not in file.parts
    }
    assert sources | crates <= sdist_files("dynamo_metrics")


def test_the_runtime_sdist_holds_the_package_and_no_more() -> None:
    package = {
        str(file.relative_to(RUNTIME))
        for file in (RUNTIME / "src").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    rest = {"pyproject.toml", "README.md", "PKG-INFO", ".gitignore"}
    assert package <= sdist_files("dynamo_runtime") <= package | rest


def test_all_versions_are_the_one_in_cargo_toml() -> None:
    cargo = re.findall(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert cargo == [VERSION]
    assert metadata(metrics_wheel())["Version"] == VERSION
    assert metadata(runtime_wheel())["Version"] == VERSION


def test_the_runtime_needs_the_metrics_of_its_own_version_and_nothing_else() -> None:
    assert required(runtime_wheel(), "") == {f"dynamo-metrics=={VERSION}"}
    assert required(metrics_wheel(), "") == set()


def test_an_extra_that_the_runtime_passes_on_is_one_of_the_metrics() -> None:
    offered = set(metadata(metrics_wheel()).get_all("Provides-Extra", ()))
    assert offered == {"cli", "dashboards", "otlp-grpc", "prometheus"}
    for extra in offered:
        assert f"dynamo-metrics[{extra}]" in required(runtime_wheel(), extra)
        assert required(metrics_wheel(), extra)
    others = {"frontend", "nats", "vllm"}
    assert set(metadata(runtime_wheel()).get_all("Provides-Extra", ())) == offered | others


def required(wheel: Path, extra: str) -> set[str]:
    """The requirements of an extra, without their markers; of no extra if that is empty."""
    found = set()
    for line in metadata(wheel).get_all("Requires-Dist", ()):
        requirement, _, marker = line.partition(";")
        [of_extra] = re.findall(r"extra == ['\"]([\w-]+)['\"]", marker) or [""]
        if of_extra == extra:
            found.add(requirement.strip())
    return found
