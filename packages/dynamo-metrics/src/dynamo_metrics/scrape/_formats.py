"""The exposition formats, and which one a body is in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

_PROTOBUF_ACCEPT = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)
_TEXT_TYPES = frozenset({"counter", "gauge", "histogram", "summary", "untyped"})
_OPENMETRICS_TYPES = frozenset(
    {"counter", "gauge", "histogram", "gaugehistogram", "stateset", "info", "summary", "unknown"}
)


@dataclass(frozen=True)
class Format:
    """An exposition format. What differs between the text formats stands here."""

    name: str
    accept: str
    """The ``Accept`` header that asks for it."""
    types: frozenset[str] = frozenset()
    """The words that may follow TYPE."""
    is_openmetrics: bool = False
    """Ends with ``# EOF``; no blank lines, no comments; families are never interleaved."""
    has_suffixes: bool = True
    """Whether the samples of a histogram are ``_bucket``, ``_sum`` and ``_count``."""
    has_quoted_names: bool = True


TEXT = Format("text 0.0.4", "text/plain;version=0.0.4", _TEXT_TYPES, has_quoted_names=False)
TEXT_1 = Format("text 1.0.0", "text/plain;version=1.0.0;escaping=allow-utf-8", _TEXT_TYPES)
OPENMETRICS_1 = Format(
    "OpenMetrics 1", "application/openmetrics-text;version=1.0.0", _OPENMETRICS_TYPES, True
)
OPENMETRICS_2 = Format(
    "OpenMetrics 2",
    "application/openmetrics-text;version=2.0.0",
    _OPENMETRICS_TYPES,
    True,
    has_suffixes=False,
)
PROTOBUF = Format("protobuf", _PROTOBUF_ACCEPT)

FORMATS = {
    "text": TEXT,
    "text1": TEXT_1,
    "openmetrics": OPENMETRICS_1,
    "openmetrics2": OPENMETRICS_2,
    "protobuf": PROTOBUF,
}
"""By the names that the command line has for them."""

_COMPOSITE = re.compile(rb"^[^#\n][^\n]* (?:\{count:|[^ \n]+ st@)", re.MULTILINE)
_QUOTED_NAME = re.compile(rb'^(?:# (?:HELP|TYPE) "|\{")', re.MULTILINE)


def format_of(body: bytes, content_type: str) -> Format:
    """Return the format that a ``Content-Type`` names, otherwise the one that a body looks like."""
    header = Message()
    header["Content-Type"] = content_type
    version = str(header.get_param("version") or "")
    named = header.get_content_type() if content_type else ""
    if named == "application/vnd.google.protobuf":
        return PROTOBUF
    if named == "application/openmetrics-text":
        return OPENMETRICS_2 if version.startswith("2.") else OPENMETRICS_1
    if named == "text/plain" and version:
        return TEXT_1 if version.startswith("1.") else TEXT
    return _sniffed(body)


def _sniffed(body: bytes) -> Format:
    if _looks_delimited(body):
        return PROTOBUF
    if body.rstrip().endswith(b"# EOF"):
        return OPENMETRICS_2 if _COMPOSITE.search(body) else OPENMETRICS_1
    return TEXT_1 if _QUOTED_NAME.search(body) else TEXT


def _looks_delimited(body: bytes) -> bool:
    """Whether a body begins with a message's length, then field 1: a name without controls."""
    at = 0
    while at < min(len(body), 5) and body[at] & 0x80:
        at += 1
    at += 1
    if len(body) < at + 3 or body[at] != 0x0A:
        return False
    name = body[at + 2 : at + 2 + body[at + 1]]
    return bool(name) and name[0] > 0x20 and b"\n" not in name and at + 2 + len(name) <= len(body)
