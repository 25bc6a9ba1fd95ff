"""Writes docs/api.md: every public name of Python, with its signature and one line.

    python tools/generate_api.py [--check]

Needs both packages installed.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
MODULES = (
    "dynamo_metrics",
    "dynamo_metrics.asgi",
    "dynamo_metrics.wsgi",
    "dynamo_metrics.push",
    "dynamo_metrics.testing",
    "dynamo.runtime",
    "dynamo.runtime.logging",
    "dynamo.frontend",
    "dynamo.health_check",
    "dynamo.common.utils.prometheus",
)
_CONSTRUCTED = (
    "CancellationToken",
    "Context",
    "DistributedRuntime",
    "HealthCheckPayload",
    "RequestMetricsMiddleware",
    "Runtime",
)
"""The classes that users make themselves. The other objects come from methods."""
_HEAD = """# The API

Every public name of the Python packages. `help(name)` says the rest: arguments, units, what is
raised. Written by `make api` from the code.

`dynamo.prometheus_metrics` has the names of `dynamo_metrics`; `dynamo.asgi` and `dynamo.wsgi` those
of the modules of the same names there. `dynamo_metrics.prometheus_names` and
`dynamo.prometheus_names` have Dynamo's metric names as constants, and the sanitisers.
"""


def main() -> None:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="fail if the page is not up to date")
    text = "\n".join(lines())
    if not parser.parse_args().check:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        sys.exit("docs/api.md is not what the code says: run `make api`")


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    yield _HEAD
    seen: dict[int, str] = {}
    for name in MODULES:
        module = importlib.import_module(name)
        yield f"## `{name}`\n"
        yield f"{_first_line(module)}\n"
        plain: list[str] = []
        classes: list[str] = []
        for public in sorted(_public(module), key=str.lower):
            value = getattr(module, public)
            known = seen.setdefault(id(value), f"{name}.{public}")
            if inspect.isclass(value) and known == f"{name}.{public}":
                classes += [*_class(public, value), ""]
            elif inspect.isclass(value):
                plain.append(f"| `{public}` | `{known}` |")
            elif callable(value):
                plain.append(f"| {_code(public + _signature(value))} | {_first_line(value)} |")
            else:
                plain.append(f"| `{public}` | {_constant(value)} |")
        if plain:
            yield "| name | |\n|---|---|"
            yield from plain
            yield ""
        yield from classes


def _public(module: ModuleType) -> list[str]:
    names: list[str] | None = getattr(module, "__all__", None)
    if names is not None:
        return names
    own = vars(module).items()
    return [
        name
        for name, value in own
        if name[0] != "_" and getattr(value, "__module__", None) == module.__name__
    ]


def _class(name: str, value: type) -> Iterator[str]:
    constructor = _signature(value) if name in _CONSTRUCTED else ""
    yield f"### {_code(name + constructor)}\n"
    yield f"{_first_line(value)}\n"
    members = list(_members(value))
    if members:
        yield "| | |\n|---|---|"
        yield from members


def _members(value: type) -> Iterator[str]:
    found: dict[str, Any] = {}
    for base in reversed(value.__mro__[:-1]):
        if base.__module__.partition(".")[0] in ("dynamo", "dynamo_metrics"):
            found |= {name: member for name, member in vars(base).items() if name[0] != "_"}
    for name in sorted(found):
        member = getattr(value, name)
        if callable(member):
            yield f"| {_code(name + _signature(member))} | {_first_line(member)} |"
        elif inspect.getdoc(member) != inspect.getdoc(type(member)):
            text = _first_line(member)
            yield f"| `{name}` | {'' if text.startswith('Alias for field') else text} |"


def _signature(value: Any) -> str:
    """Return the parameters without their types, which differ between versions of Python."""
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (ValueError, TypeError):
        return ""
    parts: list[str] = []
    is_keyword = False
    for parameter in parameters:
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword:
            is_keyword = True
            if not any(part.startswith("*") for part in parts):
                parts.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f"={_default(parameter.default)}"
        parts.append(f"{stars}{parameter.name}{default}")
    return f"({', '.join(parts)})"


def _default(value: object) -> str:
    text = repr(value)
    return "..." if "<" in text or " at 0x" in text else text


def _first_line(value: Any) -> str:
    text = inspect.getdoc(value) or ""
    paragraph = re.split(r"\n\s*\n", text, maxsplit=1)[0]
    return " ".join(paragraph.split()).replace("|", "\\|").replace("``", "`")


def _constant(value: object) -> str:
    return f"`{value!r}`" if isinstance(value, (str, tuple, list, int, float)) else ""


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


if __name__ == "__main__":
    main()
