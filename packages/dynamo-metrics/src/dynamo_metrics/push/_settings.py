"""Settings of OTLP export, by the standard variables of OpenTelemetry.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dynamo_metrics import _environment
from dynamo_metrics._urls import basic_auth, without_credentials

INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
SERVICE_NAME = "OTEL_SERVICE_NAME"
RESOURCE_ATTRIBUTES = "OTEL_RESOURCE_ATTRIBUTES"

PROTOCOLS = ("http/protobuf", "grpc")

_PATH = "v1/metrics"
_DEFAULTS = {"http/protobuf": "http://localhost:4318", "grpc": "http://localhost:4317"}


@dataclass(frozen=True)
class Receiver:
    """Where and how metrics are exported."""

    endpoint: str
    """The URL: with the path for ``http/protobuf``, ``scheme://host:port`` for ``grpc``."""
    protocol: str = "http/protobuf"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    """Seconds that one request may take."""
    interval: float = 60.0
    """Seconds from one export to the next."""
    compression: str = "none"
    certificate: str | None = None
    """A file with the certificates that the receiver's is checked against."""
    client_certificate: str | None = None
    client_key: str | None = None
    delta: bool = False
    """Whether counters and histograms are exported as changes."""


def from_environment(
    *,
    endpoint: str | None = None,
    protocol: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    interval: float | None = None,
    compression: str | None = None,
    temporality: str | None = None,
) -> Receiver:
    """Return the settings; arguments win over the environment.

    Raises ``ValueError`` for a bad value: the variable or argument, its value, the remedy.
    """
    known_protocol = _choice("PROTOCOL", "protocol", protocol, "http/protobuf", PROTOCOLS)
    known_compression = _choice("COMPRESSION", "compression", compression, "none", ("none", "gzip"))
    preference = (temporality or _environment.text(TEMPORALITY, "cumulative")).lower()
    if preference not in ("cumulative", "delta", "lowmemory"):
        name = TEMPORALITY if temporality is None else "temporality"
        raise _environment.bad(name, preference, "is not known", "cumulative, delta or lowmemory")
    url = _endpoint(endpoint, known_protocol)
    all_headers = _headers() if headers is None else dict(headers)
    if not any(name.lower() == "authorization" for name in all_headers):
        all_headers.update(basic_auth(url))
    return Receiver(
        endpoint=without_credentials(url),
        protocol=known_protocol,
        headers=all_headers,
        timeout=_seconds(_variable("TIMEOUT"), "timeout", timeout, 10.0),
        interval=_seconds((INTERVAL,), "interval", interval, 60.0),
        compression=known_compression,
        certificate=_file("CERTIFICATE"),
        client_certificate=_file("CLIENT_CERTIFICATE"),
        client_key=_file("CLIENT_KEY"),
        delta=preference != "cumulative",
    )


def resource(instance: str) -> list[tuple[str, str]]:
    """Return the attributes of the process: ``service.name`` and what the environment adds.

    ``instance`` identifies the process among those of the service, unless the environment does.

    Raises ``ValueError`` for a bad value.
    """
    attributes = {
        "service.name": f"unknown_service:{Path(sys.argv[0] or 'python').name}",
        "service.instance.id": instance,
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "dynamo_metrics",
    }
    attributes.update(_pairs(RESOURCE_ATTRIBUTES))
    name = _environment.text(SERVICE_NAME, "")
    if name:
        attributes["service.name"] = name
    return list(attributes.items())


def _variable(name: str) -> tuple[str, str]:
    """Return the variable for metrics and the one for all signals; the first one wins."""
    return f"OTEL_EXPORTER_OTLP_METRICS_{name}", f"OTEL_EXPORTER_OTLP_{name}"


def _given(name: str) -> tuple[str, str]:
    """Return the variable that is set and its value; the general one and nothing if none is."""
    of_metrics, general = _variable(name)
    value = _environment.text(of_metrics, "")
    return (of_metrics, value) if value else (general, _environment.text(general, ""))


def _choice(
    name: str, argument: str, given: str | None, default: str, known: tuple[str, ...]
) -> str:
    variable, value = (argument, given) if given is not None else _given(name)
    word = value.lower() or default
    if word not in known:
        raise _environment.bad(variable, word, "is not supported", " or ".join(known))
    return word


def _endpoint(given: str | None, protocol: str) -> str:
    variable, url = ("endpoint", given) if given is not None else _given("ENDPOINT")
    is_complete = variable == _variable("ENDPOINT")[0] or given is not None
    url = url or _DEFAULTS[protocol]
    if protocol == "grpc" and "://" not in url:
        url = f"{_grpc_scheme()}://{url}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # ValueError if it is no port
    except ValueError:
        usable = False
    if not usable:
        raise _environment.bad(
            variable,
            without_credentials(url),
            "is no URL of a receiver",
            f"one such as {_DEFAULTS[protocol]}",
        )
    if protocol == "grpc" or is_complete:
        return url
    return f"{url.rstrip('/')}/{_PATH}"


def _grpc_scheme() -> str:
    insecure = _given("INSECURE")[1].lower() in ("true", "1")
    return "http" if insecure else "https"


def _headers() -> dict[str, str]:
    return _pairs(_given("HEADERS")[0])


def _pairs(variable: str) -> dict[str, str]:
    """Return ``k=v,k2=v2``, with values percent-encoded as in W3C Baggage."""
    pairs = {}
    for part in _environment.text(variable, "").split(","):
        name, equals, value = part.partition("=")
        if not part.strip():
            continue
        if not equals or not name.strip():
            raise _environment.bad(variable, part, "is no pair", "name=value, separated by commas")
        pairs[name.strip()] = unquote(value.strip())
    return pairs


def _seconds(
    variables: tuple[str, ...], argument: str, given: float | None, default: float
) -> float:
    """Return a time; variables have it in milliseconds, the argument in seconds."""
    if given is not None:
        if not 0 < given <= 86_400:
            raise _environment.bad(
                argument, str(given), "is not a time", "seconds, above 0 and at most 86400"
            )
        return float(given)
    for variable in variables:
        word = _environment.text(variable, "")
        if not word:
            continue
        if not word.isdecimal() or not 0 < int(word) <= 86_400_000:
            raise _environment.bad(
                variable,
                word,
                "is not a time in milliseconds",
                "a whole number above 0 and at most 86400000 (one day)",
            )
        return int(word) / 1000
    return default


def _file(name: str) -> str | None:
    variable, path = _given(name)
    if not path:
        return None
    if not os.access(path, os.R_OK):
        raise _environment.bad(variable, path, "cannot be read", "the path of a PEM file")
    return path
