"""The stub of ``dynamo_metrics._native`` and what Python itself shows: docstrings and signatures.

That the names and arguments agree is checked by stubtest.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

from dynamo_metrics import _native

STUB = ast.parse(Path(_native.__file__).with_name("_native.pyi").read_text())
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}


def _bases_first(node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    for base in node.bases:
        name = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(name, ast.Name) and name.id in CLASSES:
            yield from _bases_first(CLASSES[name.id])
    yield node


def _documented() -> Iterator[tuple[str, str]]:
    """The names at run time and the docstrings in the stub; private classes are bases of others."""
    for node in STUB.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node) or ""
            for part in _bases_first(node):
                yield from _methods(node.name, part)


def _methods(owner: str, node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    seen = set()
    for method in node.body:
        # Of overloads, the first has the docstring of them all.
        if isinstance(method, ast.FunctionDef) and method.name not in seen:
            seen.add(method.name)
            yield f"{owner}.{method.name}", ast.get_docstring(method) or ""


DOCUMENTED = dict(_documented())


def test_the_stub_shows_the_docstring_of_the_module() -> None:
    assert ast.get_docstring(STUB) == inspect.getdoc(_native)


def test_the_stub_shows_the_docstrings_that_help_shows() -> None:
    shown = {name: inspect.getdoc(attrgetter(name)(_native)) for name in DOCUMENTED}
    assert shown == DOCUMENTED
    assert [name for name, docstring in shown.items() if not docstring] == []


def test_whatever_can_be_called_shows_its_signature() -> None:
    for documented in map(attrgetter, DOCUMENTED):
        if inspect.isroutine(documented(_native)):
            inspect.signature(documented(_native))  # ValueError, which names it, if it has none
