"""The words for units in metric names, as Prometheus' linter has them.

https://prometheus.io/docs/practices/naming/#base-units and client_golang's ``promlint``.
"""

from __future__ import annotations

_BASE = (
    "amperes",
    "bytes",
    "celsius",
    "grams",
    "joules",
    "kelvin",
    "meters",
    "metres",
    "seconds",
    "volts",
)
_UNITS = {
    **{unit: unit for unit in _BASE},
    **dict.fromkeys(("minutes", "hours", "days", "weeks"), "seconds"),
    "kelvins": "kelvin",
    **dict.fromkeys(("fahrenheit", "rankine"), "celsius"),
    **dict.fromkeys(("inches", "yards", "miles"), "meters"),
    "bits": "bytes",
    "calories": "joules",
    **dict.fromkeys(("pounds", "ounces"), "grams"),
}
"""The base unit of each unit."""
_PREFIXES = (
    *("pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi"),
    *("mega", "mibi", "giga", "gibi", "tera", "tebi", "peta", "pebi"),
)

ABBREVIATIONS = {
    **dict.fromkeys(("s", "ms", "us", "ns", "sec", "m", "h", "d"), "seconds"),
    **dict.fromkeys(("b", "kb", "mb", "gb", "tb", "pb"), "bytes"),
}
"""The base unit of each abbreviation."""


def unit_of(name: str) -> tuple[str, str] | None:
    """Return the first unit in a metric's name and its base unit; None if it has none."""
    for word in name.split("_"):
        for prefix in ("", *_PREFIXES):
            base = _UNITS.get(word[len(prefix) :]) if word.startswith(prefix) else None
            if base is not None:
                return word, base
    return None
