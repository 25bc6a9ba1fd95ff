"""Targets in the format of Prometheus' HTTP service discovery.

https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dynamo.discovery import Target

PREFIX = "__meta_dynamo_"
"""Prometheus drops labels that begin with ``__`` once it has relabelled a target. As labels of the
target ``dynamo_namespace`` and the like would collide with those of its series, which Prometheus
would rename to ``exported_dynamo_namespace``."""

_LABELS = ("namespace", "component", "instance")


def as_json(targets: Iterable[Target]) -> list[dict[str, Any]]:
    """Return one group for each target, for ``json.dumps``."""
    return [
        {
            "targets": [target.address],
            "labels": {PREFIX + name: target.labels[name] for name in _LABELS} | _scheme(target),
        }
        for target in targets
    ]


def _scheme(target: Target) -> dict[str, str]:
    """Return the label that makes Prometheus scrape the target by HTTPS, if it has TLS."""
    return {"__scheme__": "https"} if target.has_tls else {}
