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


MODEL_KINDS = ("chat", "completions")
"""What may be asked of a model: messages, which its worker renders; a prompt."""


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
    the same for runtimes that share their metrics. ``scheme``, if present, is ``https``: the server
    has TLS."""

    @property
    def url(self) -> str:
        """The address for a program that takes URLs; a server without TLS has no scheme."""
        return f"https://{self.address}" if self.has_tls else self.address

    @property
    def has_tls(self) -> bool:
        """Whether the server has TLS."""
        return self.labels.get("scheme") == "https"


@dataclass(frozen=True)
class Model:
    """A model that a worker answers for. It can be asked while its endpoint has the instance."""

    name: str
    """What requests call it."""
    namespace: str
    component: str
    endpoint: str
    instance_id: int
    """That of the ``Instance`` of the endpoint."""
    kinds: tuple[str, ...] = MODEL_KINDS
    """What may be asked of it, some of ``MODEL_KINDS``."""
    context_length: int | None = None
    """Tokens of a prompt with its answer, at most."""
    kv_cache_block_size: int | None = None
    """Tokens of a block of the KV cache."""
    total_kv_blocks: int | None = None
    """Blocks of the KV cache of the worker."""
    max_num_seqs: int | None = None
    """Sequences in a batch, at most."""
    max_num_batched_tokens: int | None = None
    """Tokens computed in a step, at most."""

    @property
    def path(self) -> tuple[str, str, str]:
        """Namespace, component and endpoint."""
        return self.namespace, self.component, self.endpoint


MODEL_SIZES = (
    "context_length",
    "kv_cache_block_size",
    "total_kv_blocks",
    "max_num_seqs",
    "max_num_batched_tokens",
)
"""The fields of ``Model`` that are numbers above 0, or None if the worker does not say."""


def _instance(fields: dict[str, Any]) -> Instance:
    texts = _texts(fields, "namespace", "component", "endpoint", "plane", "address")
    if not texts["address"].strip():
        raise ValueError("address is blank")
    return Instance(instance_id=_instance_id(fields), **texts)


def _model(fields: dict[str, Any]) -> Model:
    texts = _texts(fields, "name", "namespace", "component", "endpoint")
    kinds = fields["kinds"]
    if not isinstance(kinds, list) or not all(map(_is_text, kinds)):
        raise ValueError("kinds is not a list of texts")
    sizes: dict[str, Any] = {name: fields.get(name) for name in MODEL_SIZES}
    for name, size in sizes.items():
        if size is not None and (type(size) is not int or not 0 < size < 2**63):
            raise ValueError(f"{name} is not a number from 1 to 2**63 - 1")
    return Model(instance_id=_instance_id(fields), kinds=tuple(kinds), **texts, **sizes)


def _texts(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if not _is_text(fields[name]):
            raise ValueError(f"{name} is not a text")
    return {name: fields[name] for name in names}


def _instance_id(fields: dict[str, Any]) -> int:
    instance_id = fields["instance_id"]
    if type(instance_id) is not int or not 0 < instance_id < 2**63:
        raise ValueError("instance_id is not a number from 1 to 2**63 - 1")
    return instance_id


def _target(fields: dict[str, Any]) -> Target:
    address, labels = fields["address"], fields["labels"]
    if not _is_text(address) or not _HOST_AND_PORT.fullmatch(address):
        raise ValueError("address is not host:port")
    if not isinstance(labels, dict) or not all(map(_is_text, [*labels, *labels.values()])):
        raise ValueError("labels are not texts")
    if not labels.keys() >= _LABELS:
        raise ValueError(f"the labels {sorted(_LABELS - labels.keys())} are missing")
    return Target(address, labels)


_READERS: dict[type, Callable[[dict[str, Any]], Any]] = {
    Instance: _instance,
    Model: _model,
    Target: _target,
}


def _is_text(value: Any) -> bool:
    """Whether it is a ``str`` that UTF-8 can hold."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_json(record: Instance | Model | Target) -> bytes:
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
