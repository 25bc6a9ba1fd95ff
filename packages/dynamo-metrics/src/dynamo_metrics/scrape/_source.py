"""Where expositions come from: URLs, files, standard input."""

from __future__ import annotations

import http.client
import sys
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

from dynamo_metrics._urls import basic_auth, without_credentials

TIMEOUT = 10.0
"""Seconds that a scrape may take, as long as Prometheus waits by default."""
LARGEST_BODY = 64 * 2**20
"""Bytes that an exposition may have: more than Prometheus should be asked to scrape."""
_CHUNK = 64 * 2**10
_GZIP = b"\x1f\x8b"


class UnreadableError(OSError):
    """No exposition can be read: ``source``, ``reason`` and ``remedy``."""

    def __init__(self, source: str, reason: str, remedy: str, status: int = 0) -> None:
        super().__init__(f"{source} {reason}; {remedy}")
        self.source = source
        self.reason = reason
        self.remedy = remedy
        self.status = status
        """The HTTP status, if there was an answer."""


class Body(NamedTuple):
    """An exposition as it came, decompressed."""

    data: bytes
    content_type: str
    """Empty for files."""


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
            f"{without_credentials(url)} is not an address of metrics; give one as in "
            "localhost:8081 or http://localhost:8081/metrics"
        )
    return f"{address.rstrip('/')}/metrics" if parts.path in ("", "/") else address


def fetch(address: str, accept: str, timeout: float = TIMEOUT) -> Body:
    """Scrape an address once. ``user:password@`` in it is sent as basic authentication.

    Raises ``UnreadableError`` if there is no answer within ``timeout`` seconds, or one of failure.
    """
    headers = {
        "Accept": accept,
        "Accept-Encoding": "gzip",
        "User-Agent": "dynamo-metrics",
        "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout:g}",
        **basic_auth(address),
    }
    shown = without_credentials(address)
    request = urllib.request.Request(shown, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            data = _read(answer, shown, timeout)
            return Body(
                _decompressed(data, shown) if data[:2] == _GZIP else data,
                answer.headers.get("Content-Type", ""),
            )
    except urllib.error.HTTPError as error:
        first = _one_line(error.read(300).decode(errors="replace").partition("\n")[0])
        error.close()
        said = f" ({first[:80]})" if first and not first.startswith("<") else ""
        raise UnreadableError(
            shown,
            f"answered {error.code} {_one_line(error.reason)}{said}",
            "metrics are mostly at /metrics",
            error.code,
        ) from None
    except UnreadableError:
        raise
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        said = _one_line(getattr(reason, "strerror", None) or reason)
        raise UnreadableError(
            shown,
            f"cannot be reached: {said}",
            "give the address of a worker, as in localhost:8081",
        ) from None


def read_file(name: str) -> Body:
    """Read a file, ``-`` for standard input. Raises ``UnreadableError`` if that is not possible."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UnreadableError(
            name, f"cannot be read: {error.strerror}", "name a file, a URL, or - for standard input"
        ) from None
    return Body(_decompressed(data, name) if data[:2] == _GZIP else data, "")


def _read(answer: http.client.HTTPResponse, source: str, timeout: float) -> bytes:
    end = monotonic() + timeout
    body = bytearray()
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _too_large(source)
        if monotonic() > end:
            raise TimeoutError("timed out")
    if answer.length:
        raise http.client.IncompleteRead(bytes(body), answer.length)
    return bytes(body)


def _decompressed(data: bytes, source: str) -> bytes:
    decoder = zlib.decompressobj(wbits=31)
    try:
        body = decoder.decompress(data, LARGEST_BODY)
    except zlib.error as error:
        raise UnreadableError(source, f"is damaged gzip: {error}", "compress it again") from None
    if decoder.unconsumed_tail:
        raise _too_large(source)
    if not decoder.eof:
        raise UnreadableError(source, "is damaged gzip: it ends early", "compress it again")
    return body


def _too_large(source: str) -> UnreadableError:
    return UnreadableError(
        source, f"has more than {LARGEST_BODY // 2**20} MiB", "expose fewer series"
    )


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
