"""The trace of a request, as W3C Trace Context writes it."""

from __future__ import annotations

import re

from dynamo_metrics import _traces

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def is_traceparent(text: str) -> bool:
    """Whether a text has the form of a ``traceparent``, with ids that are not all 0."""
    return _TRACEPARENT.fullmatch(text) is not None


def current_traceparent() -> str | None:
    """Return the current span of OpenTelemetry, if it is sampled; None without one."""
    span = _traces.current_span()
    return None if span is None else f"00-{span['trace_id']}-{span['span_id']}-01"
