"""Grafana's units for metrics, by the units at the end of their names."""

from __future__ import annotations

_UNITS = {
    "seconds": "s",
    "milliseconds": "ms",
    "ms": "ms",
    "bytes": "bytes",
    "ratio": "percentunit",
    "perc": "percentunit",  # vLLM's name for a ratio
    "celsius": "celsius",
    "joules": "joule",
    "watts": "watt",
    "volts": "volt",
    "amperes": "amp",
    "hertz": "hertz",
    "meters": "lengthm",
}
TOKENS_PER_SECOND = "si:tok/s"
"""A unit of Grafana's own making: 15000 is 15 ktok/s."""

_RATES = {
    "bytes": "Bps",
    "joules": "watt",
    "requests": "reqps",
    "tokens": TOKENS_PER_SECOND,
    "seconds": "short",  # seconds per second: 1 is one core, or one thing all the time
}


def unit(name: str) -> str:
    """Return the unit of the values of a metric."""
    return _UNITS.get(_last_word(name), "short")


def unit_of_rate(name: str) -> str:
    """Return the unit of the rate per second of a counter."""
    return _RATES.get(_last_word(name), "cps")


def is_point_in_time(name: str) -> bool:
    """Whether the values of a metric are seconds since 1970, and no duration."""
    return name.endswith(("_timestamp_seconds", "_start_time_seconds"))


def _last_word(name: str) -> str:
    return name.removesuffix("_total").rpartition("_")[2]
