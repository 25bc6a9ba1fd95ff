"""A WSGI app whose workers share their metrics.

    DYN_METRICS_SHARED_DIR=auto DYN_SYSTEM_PORT=8081 gunicorn --workers 4 --preload wsgi_app:app

Without ``--preload``, give a directory instead of ``auto``: the workers then have no parent with a
runtime that could make one for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dynamo_metrics import Runtime

metrics = Runtime().namespace("shop").component("web").endpoint("order").metrics
requests = metrics.create_intcountervec("requests_total", "Requests answered", ["path"])
in_flight = metrics.create_intgauge("in_flight", "Requests being answered", across="sum")


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer every request."""
    in_flight.inc()
    try:
        requests.inc({"path": environ["PATH_INFO"]})
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok\n"]
    finally:
        in_flight.dec()
