"""Registries of ``prometheus_client``, as text."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

_TYPE = re.compile(rb"^# TYPE (\S+) ", re.MULTILINE)

_running = threading.local()

shown: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""The families that a registry showed last. Whoever wants to know enters the registry."""


def exposition_of(registry: Any, tree: int) -> Callable[[], bytes]:
    """Return a function that writes what ``registry`` holds then, in the text format.

    Any collector will do, and a ``CollectorRegistry`` with a ``MultiProcessCollector`` as well.
    ``tree`` is the ``tree_id`` of the metrics among which it is shown.

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
        _running.tree = tree
        try:
            text = generate_latest(registry)
        finally:
            _running.tree = None
        if registry in shown:
            shown[registry] = {name.decode() for name in _TYPE.findall(text)}
        return text

    exposition.__qualname__ = f"register_collector({registry!r})"
    return exposition


def is_collecting_for(tree: int) -> bool:
    """Whether this thread writes a registry for the metrics of this ``tree_id``."""
    return getattr(_running, "tree", None) == tree
