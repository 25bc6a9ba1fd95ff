"""What discovery stores, and its form as JSON."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

_T = TypeVar("_T")

_MAX_LOGGED = 1000
"""Keys whose last bad entry is known."""

_log = logging.getLogger("dynamo.runtime")


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
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^\s:/\[\]@]+):[0-9]{1,5}")
_MAX_BYTES = 1 << 16
"""Limit of a stored record: a larger one is not read."""


@dataclass(frozen=True)
class Target:
    """The status server of a runtime, for Prometheus to scrape."""

    address: str
    """``host:port``, as other hosts reach it."""
    labels: dict[str, str] = field(hash=False)
    """``namespace``, ``component`` and ``instance`` (the instance id in hex). A runtime that serves
    several namespaces or components has them separated by commas, sorted. ``group``, if present, is
    the same for runtimes that share their metrics."""


def _instance(fields: dict[str, Any]) -> Instance:
    texts = ("namespace", "component", "endpoint", "plane", "address")
    instance_id = fields["instance_id"]
    if type(instance_id) is not int or not 0 < instance_id < 2**63:
        raise ValueError("instance_id is not a number from 1 to 2**63 - 1")
    for name in texts:
        if not _is_text(fields[name]):
            raise ValueError(f"{name} is not a text")
    if not fields["address"].strip():
        raise ValueError("address is blank")
    return Instance(instance_id=instance_id, **{name: fields[name] for name in texts})


def _target(fields: dict[str, Any]) -> Target:
    address, labels = fields["address"], fields["labels"]
    if not _is_text(address) or not _HOST_AND_PORT.fullmatch(address):
        raise ValueError("address is not host:port")
    if not isinstance(labels, dict) or not all(map(_is_text, [*labels, *labels.values()])):
        raise ValueError("labels are not texts")
    if not labels.keys() >= _LABELS:
        raise ValueError(f"the labels {sorted(_LABELS - labels.keys())} are missing")
    return Target(address, labels)


_READERS: dict[type, Callable[[dict[str, Any]], Any]] = {Instance: _instance, Target: _target}


def _is_text(value: Any) -> bool:
    """Whether it is a ``str`` that UTF-8 can hold."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_json(record: Instance | Target) -> bytes:
    """Return a record as it is stored."""
    return json.dumps(asdict(record), separators=(",", ":")).encode()


def from_json(kind: type[_T], stored: bytes) -> _T:
    """Read what ``to_json`` wrote. Raises ``ValueError``, of one line, for anything else."""
    try:
        if len(stored) > _MAX_BYTES:
            raise ValueError(f"it has {len(stored)} bytes, more than {_MAX_BYTES}")
        fields = json.loads(stored)
        if not isinstance(fields, dict):
            raise ValueError("it is not a JSON object")
        record: _T = _READERS[kind](fields)
        return record
    except (ValueError, RecursionError) as error:
        reason = str(error)
    except KeyError as error:
        reason = f"{error} is missing"
    raise ValueError(f"not a {kind.__name__}: {reason}: {stored[:100]!r}")


class BadEntries:
    """Logs each stored entry that cannot be read, once for as long as it stays as it is."""

    def __init__(self) -> None:
        self._logged: dict[str, int] = {}

    def log(self, key: str, value: bytes | None, error: ValueError) -> None:
        """Log an entry, unless that is the last thing that was logged of its key."""
        mark = hash(value)
        if self._logged.get(key) == mark:
            return
        if len(self._logged) >= _MAX_LOGGED:
            self._logged.clear()
        self._logged[key] = mark
        _log.warning("an entry of discovery cannot be read: key %.100r: %s", key, error)
