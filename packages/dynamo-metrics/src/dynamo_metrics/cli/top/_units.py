"""Numbers as people read them, and sparklines."""

from __future__ import annotations

import math
from collections.abc import Sequence

NOTHING = "\u2013"
_BARS = "▁▂▃▄▅▆▇█"
_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SIZES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: float) -> str:
    """Return a number without a unit: ``7``, ``3.20``, ``12.4k``."""
    if not math.isfinite(value):
        return _special(value)
    if value == int(value) and abs(value) < 1e5:
        return str(int(value))
    if abs(value) < 1e4:
        return _digits(value)
    return _scaled(value, _LARGE, "")


def seconds(value: float) -> str:
    """Return a duration: ``1.20 s``, ``35.0 ms``; from two minutes on ``3 min``."""
    if math.isfinite(value) and value >= 120:
        for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
            if value >= size:
                return f"{value / size:.0f} {unit}"
    return _scaled(value, _SECONDS)


def size(value: float) -> str:
    """Return a number of bytes: ``1.50 GiB``."""
    return _scaled(value, _SIZES)


def ratio(value: float) -> str:
    """Return a share in percent."""
    return f"{_digits(value * 100)}%" if math.isfinite(value) else _special(value)


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Draw the last values from 0 to their largest; a gap where there is none."""
    shown = values[-width:]
    largest = max((value for value in shown if value is not None), default=0.0)
    return "".join(
        " "
        if value is None
        else _BARS[round(max(value, 0.0) / largest * (len(_BARS) - 1)) if largest > 0 else 0]
        for value in shown
    ).rjust(width)


def _scaled(value: float, steps: Sequence[tuple[float, str]], between: str = " ") -> str:
    if not math.isfinite(value):
        return _special(value)
    for step, unit in steps:
        if abs(value) >= step * 0.9995:
            return f"{_digits(value / step)}{between}{unit}"
    if value == 0:
        return f"0{between}{next((unit for step, unit in steps if step == 1.0), '')}"
    step, unit = steps[-1]
    return f"{_digits(value / step)}{between}{unit}"


def _digits(value: float) -> str:
    """Return three significant digits of a value below 1,000."""
    magnitude = abs(value)
    places = 0 if magnitude >= 99.95 or value == int(value) else 1 if magnitude >= 9.995 else 2
    return f"{value:.{places}f}"


def _special(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
