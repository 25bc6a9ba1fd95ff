"""OTLP by HTTP: ``http/protobuf``."""

from __future__ import annotations

import gzip
import http.client
import ssl
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from dynamo_metrics.push._send import Accepted, RefusedError, RetryableError, accepted
from dynamo_metrics.push._settings import Receiver

_RETRYABLE = (429, 502, 503, 504)
"""https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes"""

_LONGEST = 200
"""Characters of a receiver's own message that are shown."""


class _NoRedirects(HTTPRedirectHandler):
    """A redirected POST would become a GET without the metrics."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


class HttpSender:
    """Sends requests to one URL."""

    def __init__(self, receiver: Receiver) -> None:
        """Raise ``RefusedError`` if a certificate cannot be used."""
        self._receiver = receiver
        try:
            context = ssl.create_default_context(cafile=receiver.certificate)
            if receiver.client_certificate is not None:
                context.load_cert_chain(receiver.client_certificate, receiver.client_key)
        except (OSError, ssl.SSLError) as error:
            raise RefusedError(f"a certificate cannot be used: {error}") from None
        self._opener = build_opener(HTTPHandler(), HTTPSHandler(context=context), _NoRedirects())

    def send(self, request: bytes, timeout: float) -> Accepted:
        """Send one request.

        Raises ``RetryableError`` or ``RefusedError``.
        """
        headers = {
            "User-Agent": "dynamo-metrics",
            **self._receiver.headers,
            "Content-Type": "application/x-protobuf",
        }
        if self._receiver.compression == "gzip":
            request = gzip.compress(request, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        post = Request(self._receiver.endpoint, request, headers, method="POST")
        try:
            with self._opener.open(post, timeout=timeout) as response:
                return accepted(response.read(1 << 16))
        except HTTPError as error:
            with error:
                text = f"HTTP {error.code} {error.reason}{_said(error)}"
            if error.code in _RETRYABLE:
                raise RetryableError(text, _retry_after(error.headers)) from None
            raise RefusedError(text) from None
        except URLError as error:
            raise RetryableError(str(error.reason)) from None
        except (OSError, http.client.HTTPException) as error:
            raise RetryableError(str(error) or type(error).__name__) from None

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""


def _said(error: HTTPError) -> str:
    """Return what the response says as text; as protobuf it is a ``Status``, and not shown."""
    try:
        body = error.read(1 << 12).decode()
    except (OSError, UnicodeDecodeError, http.client.HTTPException):
        return ""
    line = " ".join(body.split())
    return f": {line[:_LONGEST]}" if line.isprintable() and line else ""


def _retry_after(headers: Any) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, as a number or a date."""
    value = headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds())
