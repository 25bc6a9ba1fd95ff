"""Packages import only from those below them. The order stands in ``LAYERS``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynamo.discovery._backends import BACKENDS
from dynamo.request_plane._planes import PLANES
from tests.support.documents import ROOT

METRICS = ROOT / "packages/dynamo-metrics/src"
RUNTIME = ROOT / "packages/dynamo-runtime/src"

LAYERS = [
    {
        "dynamo.asgi",
        "dynamo.prometheus_metrics",
        "dynamo.prometheus_names",
        "dynamo.wsgi",
    },
    {
        "dynamo._fork",
        "dynamo._prometheus_metrics",
        "dynamo._settings",
        "dynamo._sockets",
        "dynamo._tasks",
    },
    {"dynamo._directory", "dynamo._nats", "dynamo._tcp"},
    {"dynamo.request_plane"},
    {"dynamo.discovery"},
    {"dynamo._network"},
    {"dynamo._requests"},
    {"dynamo._client", "dynamo._serving"},
    {"dynamo.runtime"},
    {
        "dynamo._core",
        "dynamo._engines",
        "dynamo.common",
        "dynamo.fleet",
        "dynamo.health_check",
        "dynamo.llm",
    },
    {"dynamo.frontend", "dynamo.mocker", "dynamo.vllm"},
]
"""The packages and modules of ``dynamo``, the lowest first. Those of one layer are independent."""

LEVEL = {package: level for level, layer in enumerate(LAYERS) for package in layer}


def imports(source: Path) -> Iterator[str]:
    """Every module that a file imports, also inside of functions and for type checkers only."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source} has a relative import"
            assert node.module is not None
            yield from (f"{node.module}.{name.name}" for name in node.names)


def package_of(module: str) -> str:
    """``dynamo.discovery`` of ``dynamo.discovery.nats.store``."""
    return ".".join(module.split(".")[:2])


def sources(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def test_every_package_has_a_layer() -> None:
    found = {package.stem for package in (RUNTIME / "dynamo").iterdir()} - {"__pycache__", "py"}
    assert {f"dynamo.{name}" for name in found} == set(LEVEL)


def test_a_module_imports_only_from_its_own_package_and_those_below() -> None:
    wrong = [
        (own, module)
        for source in sources(RUNTIME)
        for own in [package_of(".".join(source.relative_to(RUNTIME).with_suffix("").parts))]
        for module in imports(source)
        if module.startswith("dynamo.")
        and package_of(module) != own
        and LEVEL[package_of(module)] >= LEVEL[own]
    ]
    assert wrong == []


def test_the_metrics_import_nothing_of_dynamo() -> None:
    wrong = {
        str(source.relative_to(METRICS))
        for source in sources(METRICS)
        for module in imports(source)
        if module == "dynamo" or module.startswith("dynamo.")
    }
    assert wrong == set()


@pytest.mark.parametrize("table", [PLANES, BACKENDS], ids=["request_plane", "discovery"])
def test_all_backends_have_the_same_files_and_a_line_in_the_table(table: dict[str, str]) -> None:
    (folder,) = {RUNTIME.joinpath(*package.split(".")).parent for package in table.values()}
    shapes = {
        backend.parent.name: {file.name for file in backend.parent.glob("*.py")}
        for backend in folder.glob("*/__init__.py")
    }
    assert set(shapes) == set(table)
    (shape,) = map(sorted, {frozenset(files) for files in shapes.values()})
    assert "__init__.py" in shape


def test_a_module_has_at_most_500_lines() -> None:
    lengths = {str(source): len(source.read_text().splitlines()) for source in sources(RUNTIME)}
    assert [name for name, length in lengths.items() if length > 500] == []
