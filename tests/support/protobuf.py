"""``io.prometheus.client.MetricFamily`` and its parts, as classes of the protobuf library.

Names, numbers and types of the fields are those of ``metrics.proto`` in Prometheus' client model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "io.prometheus.client"
_TIME = ".google.protobuf.Timestamp"

TYPES = ("COUNTER", "GAUGE", "SUMMARY", "UNTYPED", "HISTOGRAM", "GAUGE_HISTOGRAM")
"""The members of ``MetricType``, in the order of their numbers."""

# Message, then field: number, type; a star for repeated ones.
_MESSAGES = {
    "LabelPair": {"name": (1, "string"), "value": (2, "string")},
    "Gauge": {"value": (1, "double")},
    "Counter": {
        "value": (1, "double"),
        "exemplar": (2, "Exemplar"),
        "created_timestamp": (3, _TIME),
    },
    "Quantile": {"quantile": (1, "double"), "value": (2, "double")},
    "Summary": {
        "sample_count": (1, "uint64"),
        "sample_sum": (2, "double"),
        "quantile": (3, "*Quantile"),
        "created_timestamp": (4, _TIME),
    },
    "Untyped": {"value": (1, "double")},
    "Histogram": {
        "sample_count": (1, "uint64"),
        "sample_sum": (2, "double"),
        "bucket": (3, "*Bucket"),
        "sample_count_float": (4, "double"),
        "schema": (5, "sint32"),
        "zero_threshold": (6, "double"),
        "zero_count": (7, "uint64"),
        "zero_count_float": (8, "double"),
        "negative_span": (9, "*BucketSpan"),
        "negative_delta": (10, "*sint64"),
        "negative_count": (11, "*double"),
        "positive_span": (12, "*BucketSpan"),
        "positive_delta": (13, "*sint64"),
        "positive_count": (14, "*double"),
        "created_timestamp": (15, _TIME),
        "exemplars": (16, "*Exemplar"),
    },
    "Bucket": {
        "cumulative_count": (1, "uint64"),
        "upper_bound": (2, "double"),
        "exemplar": (3, "Exemplar"),
        "cumulative_count_float": (4, "double"),
    },
    "BucketSpan": {"offset": (1, "sint32"), "length": (2, "uint32")},
    "Exemplar": {"label": (1, "*LabelPair"), "value": (2, "double"), "timestamp": (3, _TIME)},
    "Metric": {
        "label": (1, "*LabelPair"),
        "gauge": (2, "Gauge"),
        "counter": (3, "Counter"),
        "summary": (4, "Summary"),
        "untyped": (5, "Untyped"),
        "timestamp_ms": (6, "int64"),
        "histogram": (7, "Histogram"),
    },
    "MetricFamily": {
        "name": (1, "string"),
        "help": (2, "string"),
        "type": (3, "MetricType"),
        "metric": (4, "*Metric"),
        "unit": (5, "string"),
    },
}


def _family_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="metrics.proto",
        package=_PACKAGE,
        syntax="proto2",
        dependency=[timestamp_pb2.DESCRIPTOR.name],
    )
    numbers = [{"name": name, "number": number} for number, name in enumerate(TYPES)]
    file.enum_type.add(name="MetricType", value=numbers)
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = described.field.add(name=name, number=number)
            field.label = _FIELD.LABEL_REPEATED if kind[0] == "*" else _FIELD.LABEL_OPTIONAL
            _set_type(field, kind.lstrip("*"))
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.MetricFamily"))


def _set_type(field: Any, kind: str) -> None:
    if kind in _MESSAGES or kind.startswith("."):
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = kind if kind.startswith(".") else f".{_PACKAGE}.{kind}"
    elif kind == "MetricType":
        field.type = _FIELD.TYPE_ENUM
        field.type_name = f".{_PACKAGE}.{kind}"
    else:
        field.type = _FIELD.Type.Value(f"TYPE_{kind.upper()}")


MetricFamily = _family_class()


def families(exposition: bytes) -> Iterator[Any]:
    """The messages of a delimited exposition; a byte too many, or an unknown field, is an error."""
    at = 0
    while at < len(exposition):
        length, at = _varint(exposition, at)
        message = MetricFamily()
        message.ParseFromString(exposition[at : at + length])
        whole = message.SerializeToString()
        message.DiscardUnknownFields()
        assert message.SerializeToString() == whole, f"{message.name} has fields of no name"
        at += length
        yield message
    assert at == len(exposition), "the last message is cut off"


def _varint(exposition: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (exposition[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if exposition[at - 1] < 0x80:
            return value, at
