"""Writes the metric-name constants of the Rust crate from those of the Python package.

    python tools/generate_rust_names.py [--check]

The one hand-written source is ``dynamo_metrics/prometheus_names.py``: each class becomes a module,
each constant a ``&str``, each docstring a doc comment, in which names of the file become links.
``--check`` writes nothing and exits with 1 if the Rust file is out of date. Needs ``rustfmt``.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "packages/dynamo-metrics/src/dynamo_metrics/prometheus_names.py"
TARGET = ROOT / "crates/dynamo-runtime/src/prometheus_names/constants.rs"

_HEAD = (
    "//! Generated from `dynamo_metrics/prometheus_names.py` by `make names`: change that file.\n\n"
)

_Statement = ast.ClassDef | ast.AnnAssign


class Names:
    """The names that the source defines, for links in doc comments."""

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        self._paths = set(_paths(body, ()))

    def linked(self, doc: str, scope: tuple[str, ...]) -> str:
        """Return a docstring as a doc comment of ``scope``."""
        return re.sub(r"``(.+?)``", lambda found: self._link(found[1], scope), doc)

    def _link(self, word: str, scope: tuple[str, ...]) -> str:
        """Return ``word`` as Markdown: a link if it names something visible in ``scope``."""
        path = tuple(word.split("."))
        if (*scope, *path) in self._paths:
            return f"[`{'::'.join(path)}`]"
        if path in self._paths:
            return f"[`{'::'.join(('super',) * len(scope) + path)}`]"
        return f"`{word}`"


def _paths(body: Sequence[ast.stmt], scope: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for statement, _ in _documented(body):
        name = _name(statement)
        yield (*scope, name)
        if isinstance(statement, ast.ClassDef):
            yield from _paths(statement.body, (*scope, name))


def _documented(body: Sequence[ast.stmt]) -> Iterator[tuple[_Statement, str]]:
    """Yield the classes and constants of a body, in order, each with its docstring."""
    for statement, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(statement, ast.ClassDef):
            yield statement, ast.get_docstring(statement) or ""
        elif isinstance(statement, ast.AnnAssign):
            yield statement, _docstring(after)


def _docstring(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return re.sub(r"\s*\n[ ]*", "\n", str(statement.value.value)).strip()
    return ""


def _name(statement: _Statement) -> str:
    if isinstance(statement, ast.ClassDef):
        return statement.name
    return ast.unparse(statement.target)


def rust(names: Names, body: Sequence[ast.stmt], scope: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the lines of a module; ``rustfmt`` lays them out."""
    for statement, doc in _documented(body):
        name = _name(statement)
        # The doc comment of a module is resolved inside of it, one of a constant beside it.
        inner = (*scope, name) if isinstance(statement, ast.ClassDef) else scope
        mark = "//!" if isinstance(statement, ast.ClassDef) else "///"
        linked = names.linked(doc, inner)
        comment = [f"{mark} {line}".rstrip() for line in linked.splitlines()]
        if isinstance(statement, ast.ClassDef):
            yield f"pub mod {name} {{"
            yield from comment
            yield ""
            yield from rust(names, statement.body, inner)
            yield "}\n"
        else:
            yield from comment
            yield _constant(name, statement.value)


def _constant(name: str, value: ast.expr | None) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return f"pub const {name}: &str = {_quoted(value.value)};"
    if isinstance(value, ast.Tuple):
        items = ", ".join(ast.unparse(item).replace(".", "::") for item in value.elts)
        return f"pub const {name}: &[&str] = &[{items}];"
    raise SystemExit(f"{SOURCE.name}: {name} must be a str or a tuple of names")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def generated() -> str:
    """Return the text of the Rust file."""
    body = ast.parse(SOURCE.read_text(encoding="utf-8")).body
    constants = [
        statement
        for statement in body
        if not (isinstance(statement, ast.AnnAssign) and _name(statement).startswith("_"))
    ]
    text = _HEAD + "\n".join(rust(Names(constants), constants))
    command = ["rustfmt", "--edition", "2024"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def main(arguments: Sequence[str]) -> None:
    """Write the file, or compare it."""
    if arguments not in ([], ["--check"]):
        raise SystemExit("usage: python tools/generate_rust_names.py [--check]")
    text = generated()
    if not arguments:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        raise SystemExit(f"{TARGET.relative_to(ROOT)} is out of date: run `make names`")


if __name__ == "__main__":
    main(sys.argv[1:])
