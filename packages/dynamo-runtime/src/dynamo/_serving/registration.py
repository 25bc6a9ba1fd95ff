"""Lets frontends find the model that a worker answers for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dynamo._network import Network
from dynamo.discovery import Model
from dynamo.discovery._records import MODEL_KINDS


async def register(
    path: tuple[str, str, str],
    network: Network,
    name: str,
    kinds: Iterable[str],
    sizes: dict[str, Any],
) -> None:
    """Register a model of the endpoint at ``path``. Raises as ``register_model`` says."""
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"name={name!r} is not the name of a model: use a text that is not blank")
    given = tuple(kinds)
    unknown = [kind for kind in given if kind not in MODEL_KINDS]
    if unknown or not given:
        raise ValueError(f"kinds={given!r} must be some of {', '.join(MODEL_KINDS)}")
    for size, value in sizes.items():
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"{size}={value!r} is not a whole number above 0: leave it out")
    await network.open()
    model = Model(name, *path, network.instance_id, given, **sizes)
    await network.discovery.register_model(model)
