"""The families that Dynamo itself exposes, which no metric of ours may be."""

from __future__ import annotations

import http.client
import importlib
import logging
import os
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_log = logging.getLogger("dynamo.runtime")

REASON = "NVIDIA's Dynamo exposes it on the same /metrics; choose another name"

UPTIME = "dynamo_component_uptime_seconds"
"""The one family that a tree of ours has as well: it is not shown, Dynamo's is."""

# Seen on /metrics of 1.6.1 while an endpoint is served, and in no list of constants.
_SEEN = (
    UPTIME,
    "dynamo_engine_request",
    "dynamo_rejection_request_total",
    "dynamo_request_queue",
)

# The classes of dynamo.prometheus_names whose constants are names, and what stands before them.
_PREFIXES = {
    "kv_publisher": ("dynamo_component",),
    "lifecycle": ("dynamo_component",),
    "request_plane": ("dynamo_request_plane",),
    "router": ("dynamo_component",),
    "task_tracker": ("dynamo_component",),
    "tokio_perf": ("dynamo_tokio",),
    "transport": ("dynamo_transport",),
    "work_handler": ("dynamo_component", "dynamo_work_handler"),
}

_TYPE = re.compile(r"^# TYPE (\S+) ", re.MULTILINE)
_TIMEOUT = 1.0


def reserved(url: str | None) -> list[str]:
    """Return the names of Dynamo's families and of the samples these may have.

    They are those of a table, those of Dynamo's own constants, and those on ``/metrics`` of the
    status server at ``url`` now.
    """
    families = {*_SEEN, *_constants(), *_exposed(url)}
    return sorted(f"{name}{end}" for name in families for end in ("", "_bucket", "_sum", "_count"))


def status_server() -> str | None:
    """Return where Dynamo's status server listens if the environment says so: a fixed port."""
    port = os.environ.get("DYN_SYSTEM_PORT", "").strip()
    if not port.isdecimal() or port == "0":
        return None
    host = os.environ.get("DYN_SYSTEM_HOST", "").strip()
    return f"http://{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{port}"


def _constants() -> Iterable[str]:
    try:
        module = importlib.import_module("dynamo.prometheus_names")
    except ImportError:
        from dynamo_metrics import prometheus_names as module
    for owner, prefixes in _PREFIXES.items():
        for constant, name in vars(getattr(module, owner, object)).items():
            if constant.isupper() and isinstance(name, str) and not constant.endswith("_LABEL"):
                yield from (f"{prefix}_{name}" for prefix in prefixes)


def _exposed(url: str | None) -> list[str]:
    """Return the families on ``/metrics``; none without an answer."""
    address = urlsplit(url or "").netloc
    if not address:
        return []
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/metrics")
        return _TYPE.findall(connection.getresponse().read().decode())
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        _log.info(f"Dynamo's own metrics could not be read from {url}: {error!r}")
        return []
    finally:
        connection.close()
