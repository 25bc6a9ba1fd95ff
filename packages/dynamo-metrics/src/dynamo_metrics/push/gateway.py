"""Pushgateway: for jobs that end before a scrape.

https://github.com/prometheus/pushgateway#api
"""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPHandler, HTTPSHandler, Request, build_opener

from dynamo_metrics import _arguments
from dynamo_metrics._urls import authorization, basic_auth, without_credentials

if TYPE_CHECKING:
    from dynamo_metrics import RuntimeMetrics


class HasMetrics(Protocol):
    """A runtime, namespace, component or endpoint."""

    @property
    def metrics(self) -> RuntimeMetrics:
        """The metrics of the node."""
        ...


Node = HasMetrics
"""What is pushed: the metrics of this node and all below it."""


def push_to_gateway(
    gateway: str,
    job: str,
    node: Node,
    grouping_key: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    *,
    auth: tuple[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> None:
    """Replace all metrics of a group on a Pushgateway by those of ``node`` and below.

    ``gateway`` is ``host:port`` or a URL. ``job`` and ``grouping_key``, names and values of further
    labels, identify the group. Callbacks run before, as for a scrape. ``auth`` is a user name and a
    password, which ``gateway`` may have as ``user:password@`` instead; ``context`` is for https;
    ``timeout`` is in seconds.

    Raises ``TypeError`` for what is no node, ``ValueError`` for an empty ``job`` or a label name
    that is refused, ``OSError`` if the gateway cannot be reached or refuses the metrics.
    """
    body = _exposition(node, timeout, "push_to_gateway()")
    _send("PUT", gateway, job, grouping_key, body, timeout, auth, context)


def pushadd_to_gateway(
    gateway: str,
    job: str,
    node: Node,
    grouping_key: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    *,
    auth: tuple[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> None:
    """Replace metrics of the same names in a group; otherwise as ``push_to_gateway``."""
    body = _exposition(node, timeout, "pushadd_to_gateway()")
    _send("POST", gateway, job, grouping_key, body, timeout, auth, context)


def delete_from_gateway(
    gateway: str,
    job: str,
    grouping_key: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    *,
    auth: tuple[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> None:
    """Delete all metrics of a group, which the gateway does shortly after its answer.

    Arguments and errors as for ``push_to_gateway``.
    """
    _send("DELETE", gateway, job, grouping_key, b"", timeout, auth, context)


def _exposition(node: Node, timeout: float, function: str) -> bytes:
    _arguments.check_node(node, function)
    _, _, body = node.metrics.exposition("text/plain;version=0.0.4", "", timeout)
    return body


def _send(
    method: str,
    gateway: str,
    job: str,
    grouping_key: Mapping[str, str] | None,
    body: bytes,
    timeout: float,
    auth: tuple[str, str] | None,
    context: ssl.SSLContext | None,
) -> None:
    url = _url(gateway, job, grouping_key or {})
    headers = {
        "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
        **(basic_auth(url) if auth is None else authorization(*auth)),
    }
    url, gateway = without_credentials(url), without_credentials(gateway)
    opener = build_opener(HTTPHandler(), HTTPSHandler(context=context))
    try:
        with opener.open(Request(url, body, headers, method=method), timeout=timeout):
            pass
    except HTTPError as error:
        with error:
            said = " ".join(error.read(1 << 12).decode(errors="replace").split())
        raise OSError(
            f"Pushgateway {gateway} refused the metrics of job {job!r}: HTTP {error.code} "
            f"{error.reason}{f': {said}' if said else ''}"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise OSError(
            f"Pushgateway {gateway} cannot be reached: {reason}; give host:port or a URL"
        ) from None


def _url(gateway: str, job: str, grouping_key: Mapping[str, str]) -> str:
    if not job:
        raise ValueError("job is empty: give the job a name, which becomes the label job")
    if "job" in grouping_key:
        raise ValueError("grouping_key has the name 'job': give it as the argument job")
    base = gateway if "://" in gateway else f"http://{gateway}"
    labels = {"job": job, **dict(sorted(grouping_key.items()))}
    return f"{base.rstrip('/')}/metrics" + "".join(
        _part(name, str(value)) for name, value in labels.items()
    )


def _part(name: str, value: str) -> str:
    """Return one label as a part of the path; values that a path cannot hold are in base64."""
    if not name.isidentifier() or not name.isascii() or name.startswith("__"):
        raise ValueError(
            f"grouping_key name {name!r} is not a label name: use letters, digits and underscores, "
            "without a digit or two underscores in front"
        )
    if value and "/" not in value:
        return f"/{name}/{quote(value, safe='')}"
    encoded = base64.urlsafe_b64encode(value.encode()).decode() or "="
    return f"/{name}@base64/{encoded}"
