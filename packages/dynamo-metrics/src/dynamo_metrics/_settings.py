"""The environment variables that this package reads in Python, in one table.

Those of the status server and of names are read by the native core: its table is
``crates/dynamo-runtime/src/config.rs``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from dynamo_metrics import _arguments, _environment

_T = TypeVar("_T")


class Setting(Generic[_T]):
    """One variable: its name, default, parser and meaning."""

    __slots__ = ("default", "meaning", "parse", "variable")

    def __init__(
        self, variable: str, default: _T, parse: Callable[[str, _T], _T], meaning: str
    ) -> None:
        self.variable = variable
        self.default = default
        self.parse = parse
        self.meaning = meaning

    def read(self) -> _T:
        """Return the value now, the default if the variable is unset, empty or blank.

        Raises ``ValueError`` for a bad value: the variable, its value, the remedy.
        """
        return self.parse(self.variable, self.default)


_IN_CODE: dict[str, tuple[str, type | tuple[type, ...], str]] = {
    "port": ("DYN_SYSTEM_PORT", int, "an int"),
    "host": ("DYN_SYSTEM_HOST", str, "a str"),
    "health_path": ("DYN_SYSTEM_HEALTH_PATH", str, "a str"),
    "live_path": ("DYN_SYSTEM_LIVE_PATH", str, "a str"),
    "starting_health_status": ("DYN_SYSTEM_STARTING_HEALTH_STATUS", str, "a str"),
    "callback_timeout": ("DYN_METRICS_CALLBACK_TIMEOUT", (int, float), "a number of seconds"),
    "max_series": ("DYN_METRICS_MAX_SERIES", int, "an int"),
    "name_style": ("DYN_METRICS_NAME_STYLE", str, "a str"),
}
"""The arguments of a runtime that win over a variable of the native core, with their types."""


def in_code(**given: object) -> list[tuple[str, str, str]]:
    """Return the settings given in code: the argument, its variable, the value as text.

    Raises ``TypeError`` for a value of the wrong type, ``ValueError`` for an empty one; the native
    core checks the rest.
    """
    settings = []
    for argument, value in given.items():
        if value is None:
            continue
        variable, kinds, expected = _IN_CODE[argument]
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise _arguments.wrong_type(value, argument, expected)
        text = _arguments.text(value, argument) if isinstance(value, str) else str(value)
        if not text.strip():
            raise ValueError(f"{argument} is empty: leave it out, or give it a value")
        settings.append((argument, variable, text))
    return settings


def _yes_or_no(variable: str, default: bool) -> bool:
    word = _environment.text(variable, "")
    try:
        return _environment.WORDS[word.lower()] if word else default
    except KeyError:
        raise _environment.bad(
            variable,
            word,
            "is neither yes nor no",
            "1, true, on or yes; or 0, false, off or no",
        ) from None


PROCESS_METRICS = Setting(
    "DYN_METRICS_PROCESS",
    True,
    _yes_or_no,
    "Whether runtimes expose process_*, python_gc_*, GIL wait and event-loop lag.",
)


LIVE_PAGE = Setting(
    "DYN_SYSTEM_PAGE",
    True,
    _yes_or_no,
    "Whether the status server has the live page, which the native core serves.",
)


def _names_otlp(variable: str, default: bool) -> bool:
    exporters = [word.strip() for word in _environment.text(variable, "").split(",")]
    return "otlp" in exporters or default


METRICS_EXPORTER = Setting(
    "OTEL_METRICS_EXPORTER",
    False,
    _names_otlp,
    "Whether runtimes push their metrics: ``otlp`` is among the exporters, separated by commas.",
)

TRACE_EXEMPLARS = Setting(
    "DYN_METRICS_TRACE_EXEMPLARS",
    False,
    _yes_or_no,
    "Whether updates take the current OpenTelemetry span as their exemplar.",
)
