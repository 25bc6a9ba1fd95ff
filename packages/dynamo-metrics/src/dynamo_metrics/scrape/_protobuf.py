"""Delimited protobuf: ``io.prometheus.client.MetricFamily`` messages, read without a library.

https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TypeAlias

from dynamo_metrics.scrape._line import LineError
from dynamo_metrics.scrape._model import Exposition, Family, Labels, Problem, Sample

_Fields: TypeAlias = dict[int, list["int | bytes"]]
"""The values of a message by field number: integers and floats as their bits, the rest as bytes."""

_TYPES = ("counter", "gauge", "summary", "unknown", "histogram", "gaugehistogram")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Field numbers.
_NAME, _HELP, _TYPE, _METRIC, _UNIT = 1, 2, 3, 4, 5
_LABEL, _TIMESTAMP = 1, 6
_VALUES = {"gauge": 2, "counter": 3, "unknown": 5}
_SUMMARY, _HISTOGRAM = 4, 7
_COUNT, _SUM, _PARTS, _COUNT_FLOAT = 1, 2, 3, 4


def read_protobuf(body: bytes) -> Exposition:
    """Read an exposition. The lines of its samples are the numbers of the messages."""
    result = Exposition("protobuf")
    number = 0
    try:
        for number, message in enumerate(_messages(body), 1):
            family = _family(message, number)
            if family.name in result.families:
                result.problems.append(
                    Problem(
                        number,
                        family.name,
                        "grouping",
                        "a second message of the same name",
                        "write one message for each metric",
                    )
                )
                result.families[family.name].samples += family.samples
            else:
                result.families[family.name] = family
    except (LineError, struct.error, UnicodeDecodeError, IndexError, ValueError) as error:
        problem = getattr(error, "problem", "") or f"the message cannot be decoded ({error})"
        result.problems.append(
            Problem(
                number + 1,
                "",
                "syntax",
                problem,
                "write MetricFamily messages, each after its length",
            )
        )
    return result


def _messages(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        length, at = _varint(body, at)
        if at + length > len(body):
            raise LineError("the message is longer than the exposition", "")
        yield body[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise LineError("a number has more than 64 bits", "")


def _fields(data: bytes) -> _Fields:
    found: _Fields = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value: int | bytes
        if key & 7 == _VARINT:
            value, at = _varint(data, at)
        else:
            if key & 7 == _BYTES:
                length, at = _varint(data, at)
            else:
                length = {_FIXED64: 8, _FIXED32: 4}.get(key & 7, 0)
                if not length:
                    raise LineError(f"a field has the unknown wire type {key & 7}", "")
            if at + length > len(data):
                raise LineError("a field is longer than its message", "")
            value = data[at : at + length]
            at += length
        found.setdefault(key >> 3, []).append(value)
    return found


def _family(message: bytes, number: int) -> Family:
    fields = _fields(message)
    name = _text(fields, _NAME)
    if not name:
        raise LineError("the message has no name", "")
    kind = _integer(fields, _TYPE)
    family = Family(name, number, _TYPES[kind], unit=_text(fields, _UNIT), is_typed=True)
    family.help = _text(fields, _HELP) if _HELP in fields else None
    for metric in fields.get(_METRIC, []):
        family.samples += _samples(family, _fields(_bytes(metric)), number)
    return family


def _samples(family: Family, metric: _Fields, line: int) -> Iterator[Sample]:
    pairs = (_fields(_bytes(pair)) for pair in metric.get(_LABEL, []))
    labels: Labels = tuple((_text(pair, 1), _text(pair, 2)) for pair in pairs)
    timestamp = _integer(metric, _TIMESTAMP) / 1000 if _TIMESTAMP in metric else None
    name = family.name
    if family.type in _VALUES:
        [value] = metric.get(_VALUES[family.type], [b""])
        yield Sample(name, labels, _double(_fields(_bytes(value)), 1), line, timestamp)
        return
    is_summary = family.type == "summary"
    label, suffix = ("quantile", "") if is_summary else ("le", "_bucket")
    [data] = metric.get(_SUMMARY if is_summary else _HISTOGRAM, [b""])
    fields = _fields(_bytes(data))
    count = float(_integer(fields, _COUNT))
    if not is_summary and _COUNT_FLOAT in fields:
        count = _double(fields, _COUNT_FLOAT)
    has_infinite = False
    for part in (_fields(_bytes(part)) for part in fields.get(_PARTS, [])):
        if is_summary:
            bound, at = _double(part, 1), _double(part, 2)
        else:
            bound = _double(part, 2)
            at = _double(part, 4) if 4 in part else float(_integer(part, 1))
            has_infinite = has_infinite or bound == float("inf")
        yield Sample(name + suffix, (*labels, (label, _bound(bound))), at, line, timestamp)
    if not is_summary and not has_infinite:  # protobuf may leave it out: it is the count
        yield Sample(name + suffix, (*labels, (label, "+Inf")), count, line, timestamp)
    yield Sample(f"{name}_sum", labels, _double(fields, _SUM), line, timestamp)
    yield Sample(f"{name}_count", labels, count, line, timestamp)


def _bound(value: float) -> str:
    return "+Inf" if value == float("inf") else f"{value!r}"


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise LineError("a field has a number in place of bytes", "")
    return value


def _text(fields: _Fields, number: int) -> str:
    return _bytes(fields.get(number, [b""])[-1]).decode()


def _integer(fields: _Fields, number: int) -> int:
    value = fields.get(number, [0])[-1]
    if not isinstance(value, int):
        raise LineError("a field has bytes in place of a number", "")
    return value


def _double(fields: _Fields, number: int) -> float:
    [value] = struct.unpack("<d", _bytes(fields.get(number, [bytes(8)])[-1]))
    return float(value)
