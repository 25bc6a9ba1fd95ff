"""A ``/metrics`` exposition, read into families."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlsplit

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

_ACCEPT = "text/plain;version=1.0.0;escaping=allow-utf-8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
_TIMEOUT = 10.0
"""Seconds that an exposition may take: one with slow callbacks needs some."""
_LARGEST = 64 * 2**20
"""Bytes that an exposition may have: more than Prometheus should be asked to scrape."""
_CHUNK = 64 * 2**10
_COUNTER = re.compile(r'^# TYPE ("(?:[^"\\]|\\.)+"|\S+) counter$', re.MULTILINE)


@dataclass
class Family:
    """What an exposition shows under one name."""

    name: str
    """As Prometheus stores it; series of histograms and summaries add to it."""
    type: str
    """``unknown`` if the exposition does not say."""
    help: str
    series: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    """Name, labels and value of each."""

    def varying(self) -> list[str]:
        """Return the labels that tell the series apart, sorted."""
        values: dict[str, set[str]] = {}
        for _, labels, _ in self.series:
            for label, value in labels.items():
                values.setdefault(label, set()).add(value)
        return sorted(label for label, found in values.items() if len(found) > 1)

    def has(self, name: str) -> bool:
        """Whether there are series of this name."""
        return any(one == name for one, _, _ in self.series)


def address_of(url: str) -> str:
    """Return the address of an exposition; ``host:port`` alone is that of its ``/metrics``.

    Raises ``ValueError`` if it is none of HTTP.
    """
    address = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"{url} is not an address of metrics; give one as in localhost:8081 or "
            "http://localhost:8081/metrics"
        )
    return f"{address.rstrip('/')}/metrics" if parts.path in ("", "/") else address


def fetch(address: str) -> list[Family]:
    """Return the families of the exposition at an address of HTTP, in its order.

    Raises ``ConnectionError`` if there is no answer, ``ValueError`` if it is not an exposition.
    """
    request = urllib.request.Request(address, headers={"Accept": _ACCEPT})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            body, content_type = _read(answer), answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        error.close()
        raise ConnectionError(
            f"{address} answered {error.code} {_line(error.reason)}; metrics are mostly at /metrics"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ConnectionError(
            f"{address} cannot be reached: {_line(getattr(reason, 'strerror', None) or reason)}; "
            "give the address of a worker, as in localhost:8081"
        ) from None
    if len(body) > _LARGEST:
        raise ValueError(
            f"{address} has more than {_LARGEST // 2**20} MiB; give the address of a smaller "
            "exposition"
        )
    try:
        found = parse(body.decode(), content_type)
    except ValueError as error:
        problem = _line(error)[:80] or "it has a line that cannot be read"
        raise ValueError(
            f"{address} is not an exposition in a text format ({problem}); give the address of "
            "one, as in http://localhost:8081/metrics"
        ) from None
    if not any(family.series for family in found):
        raise ValueError(f"{address} shows no metrics; give the address of one that does")
    return found


def _read(answer: http.client.HTTPResponse) -> bytes:
    """Read an exposition, of one that is too large somewhat more than it may have.

    Raises ``TimeoutError`` for one that comes but does not end, ``IncompleteRead`` for half of one.
    """
    end = monotonic() + _TIMEOUT
    body = bytearray()
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > _LARGEST:
            return bytes(body)
        if monotonic() > end:
            raise TimeoutError("timed out")
    if answer.length:
        raise http.client.IncompleteRead(bytes(body), answer.length)
    return bytes(body)


def _line(text: object) -> str:
    return " ".join(str(text).split())


def parse(text: str, content_type: str = "text/plain") -> list[Family]:
    """Return the families of an exposition, in its order. Raises ``ValueError`` if it is none."""
    is_openmetrics = content_type == "application/openmetrics-text"
    found: dict[str, Family] = {}
    counters = {_plain(name) for name in _COUNTER.findall(text)}
    for metric in (read_openmetrics if is_openmetrics else read_text)(text):
        name = _stored(metric, counters, is_openmetrics)
        family = found.setdefault(name, Family(name, metric.type, metric.documentation))
        plain = metric.type in ("counter", "gauge", "unknown")
        family.series += [
            (name if plain else one.name, dict(one.labels), float(one.value))
            for one in metric.samples
            if not (is_openmetrics and one.name.endswith("_created"))
        ]
    return list(found.values())


def _stored(metric: Metric, counters: set[str], is_openmetrics: bool) -> str:
    """Return the name in Prometheus: the parser takes the suffix of every counter away."""
    if metric.type != "counter":
        return metric.name
    name = f"{metric.name}_total"
    return name if is_openmetrics or name in counters else metric.name


def _plain(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') else name
