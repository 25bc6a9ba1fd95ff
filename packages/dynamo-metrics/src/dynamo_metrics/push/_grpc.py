"""OTLP by gRPC. Needs the extra ``otlp-grpc``."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dynamo_metrics.push._send import Accepted, RefusedError, RetryableError, accepted, retry_delay
from dynamo_metrics.push._settings import Receiver

try:
    import grpc
except ImportError as error:
    raise ImportError(
        "OTEL_EXPORTER_OTLP_PROTOCOL=grpc needs grpcio: pip install 'dynamo-metrics[otlp-grpc]', "
        "or use http/protobuf"
    ) from error

_METHOD = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"

_RETRYABLE = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
"""https://opentelemetry.io/docs/specs/otlp/#failures; a receiver that is out of resources should
say when to come back, and many do not."""


class GrpcSender:
    """A channel to one receiver."""

    def __init__(self, receiver: Receiver) -> None:
        """Raise ``RefusedError`` if a certificate cannot be used."""
        url = urlsplit(receiver.endpoint)
        is_secure = url.scheme == "https"
        target = f"{_host(url.hostname)}:{url.port or (443 if is_secure else 80)}"
        options = [("grpc.enable_retries", 0), ("grpc.primary_user_agent", "dynamo-metrics")]
        gzip = receiver.compression == "gzip"
        compression = grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression
        if is_secure:
            credentials = _credentials(receiver)
            self._channel = grpc.secure_channel(target, credentials, options, compression)
        else:
            self._channel = grpc.insecure_channel(target, options, compression)
        self._metadata = tuple((name.lower(), value) for name, value in receiver.headers.items())
        self._export: Any = self._channel.unary_unary(_METHOD)

    def send(self, request: bytes, timeout: float) -> Accepted:
        """Send one request.

        Raises ``RetryableError`` or ``RefusedError``.
        """
        try:
            return accepted(self._export(request, timeout=timeout, metadata=self._metadata))
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            text = f"gRPC {code.name}: {details}"
            if code in _RETRYABLE:
                raise RetryableError(text, _retry_after(error)) from None
            raise RefusedError(text) from None

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def _host(name: str | None) -> str:
    return f"[{name}]" if name and ":" in name else name or ""


def _credentials(receiver: Receiver) -> Any:
    def content(path: str | None) -> bytes | None:
        return None if path is None else Path(path).read_bytes()

    try:
        return grpc.ssl_channel_credentials(
            content(receiver.certificate),
            content(receiver.client_key),
            content(receiver.client_certificate),
        )
    except (OSError, ValueError) as error:
        raise RefusedError(f"a certificate cannot be used: {error}") from None


def _retry_after(error: Any) -> float | None:
    """Return the seconds of a ``RetryInfo`` among the details of a status, if there is one."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin" and isinstance(value, bytes):
            return retry_delay(value)
    return None
