"""What discovery stores, and its form as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Instance:
    """An endpoint, served by one runtime."""

    namespace: str
    component: str
    endpoint: str
    instance_id: int
    """The runtime's, the same for all its endpoints: 1 to 2**63 - 1."""
    plane: str
    """The request plane that leads to it: ``"nats"``, for example."""
    address: str
    """Where it is, on that plane."""


_LABELS = {"namespace", "component", "instance"}


@dataclass(frozen=True)
class Target:
    """The status server of a runtime, for Prometheus to scrape."""

    address: str
    """``host:port``, as other hosts reach it."""
    labels: dict[str, str] = field(hash=False)
    """``namespace``, ``component`` and ``instance`` (the instance id in hex). A runtime that serves
    several namespaces or components has them separated by commas, sorted."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` if a stored entry has other fields or types."""
        labels = self.labels if isinstance(self.labels, dict) else {}
        texts = [self.address, *labels.values()]
        if not all(isinstance(text, str) for text in texts) or not labels.keys() >= _LABELS:
            raise ValueError(f"not a Target: {self}"[:300])


def to_json(record: Instance | Target) -> bytes:
    """Return a record as it is stored."""
    return json.dumps(asdict(record), separators=(",", ":")).encode()


def from_json(kind: type[_T], stored: bytes) -> _T:
    """Read what ``to_json`` wrote. Raises ``ValueError`` for anything else."""
    fields: Any = json.loads(stored)
    try:
        return kind(**fields)
    except TypeError:
        raise ValueError(f"not a {kind.__name__}: {stored[:200]!r}") from None
