"""Exemplars from the current OpenTelemetry span, for those who ask for them.

Switched on, the updating methods of counters and histograms are replaced by Python functions that
look for a span first; switched off, updates do not even look whether it is on.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from dynamo_metrics import _native, _settings

_METHODS = ("inc", "inc_by", "observe")
_CLASSES = (
    _native.Counter,
    _native.CounterVec,
    _native.Histogram,
    _native.HistogramVec,
    _native.IntCounter,
    _native.IntCounterVec,
)

_installed = False


def install_if_asked() -> None:
    """Switch on if ``DYN_METRICS_TRACE_EXEMPLARS`` says so; once on, it stays for the process.

    Raises ``ValueError`` for a value that is neither yes nor no.
    """
    global _installed
    if _settings.TRACE_EXEMPLARS.read() and not _installed:
        _installed = True
        for owner in _CLASSES:
            for name in _METHODS:
                if hasattr(owner, name):
                    setattr(owner, name, _with_span(getattr(owner, name)))


def current_span() -> dict[str, str] | None:
    """Return the ids of the current span if it is sampled, else None."""
    # Another thread may be importing it just now, and then it has nothing yet.
    get_current_span = getattr(sys.modules.get("opentelemetry.trace"), "get_current_span", None)
    if get_current_span is None:
        return None
    context = get_current_span().get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return None
    return {
        "trace_id": format(context.trace_id, "032x"),
        "span_id": format(context.span_id, "016x"),
    }


def _with_span(update: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(update)
    def traced(*args: Any, exemplar: Any = None, **kwargs: Any) -> None:
        update(*args, exemplar=current_span() if exemplar is None else exemplar, **kwargs)

    return traced
