"""Registries of ``prometheus_client``, as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def exposition_of(registry: Any) -> Callable[[], bytes]:
    """Return a function that writes what ``registry`` holds then, in the text format.

    Any collector will do, and a ``CollectorRegistry`` with a ``MultiProcessCollector`` as well.

    Raises ``TypeError`` if it is none; ``ImportError`` without ``prometheus_client``.
    """
    if not callable(getattr(registry, "collect", None)):
        raise TypeError(
            f"a registry or collector of prometheus_client is needed, {type(registry).__name__} "
            "has no collect(): pass prometheus_client.REGISTRY, for example"
        )
    try:
        from prometheus_client import generate_latest
    except ImportError as error:
        raise ImportError(
            "register_collector() needs prometheus_client: pip install 'dynamo-metrics[prometheus]'"
        ) from error

    def exposition() -> bytes:
        return generate_latest(registry)

    exposition.__qualname__ = f"register_collector({registry!r})"
    return exposition
