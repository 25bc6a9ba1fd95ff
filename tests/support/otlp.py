"""OTLP receivers, which decode what they get with OpenTelemetry's own protobuf classes."""

from __future__ import annotations

import contextlib
import gzip
import queue
import ssl
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from tests.support.client import TIMEOUT_SECONDS


@dataclass
class Answer:
    """What a receiver answers to one request; by default that it has it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def partial(cls, rejected: int, message: str) -> Answer:
        """The receiver has rejected some data points."""
        response = ExportMetricsServiceResponse()
        response.partial_success.rejected_data_points = rejected
        response.partial_success.error_message = message
        return cls(body=response.SerializeToString())


class Receiver:
    """What arrived, and what is answered to the next requests."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self.headers: list[dict[str, str]] = []
        self.sizes: list[int] = []
        self._requests: queue.SimpleQueue[ExportMetricsServiceRequest] = queue.SimpleQueue()

    def take(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Note a request; return what to answer."""
        try:
            answer = self.answers.get_nowait()
        except queue.Empty:
            answer = Answer()
        self.sizes.append(len(body))
        self.headers.append({name.lower(): value for name, value in headers.items()})
        self._requests.put(ExportMetricsServiceRequest.FromString(body))
        return answer

    def request(self) -> ExportMetricsServiceRequest:
        """The next request, which must come."""
        return self._requests.get(timeout=TIMEOUT_SECONDS)

    def metrics(self) -> dict[str, Metric]:
        """The metrics of the next request by name."""
        return metrics_of(self.request())

    def all_metrics(self) -> dict[str, list[Metric]]:
        """The metrics of all requests that have come, by name."""
        found: dict[str, list[Metric]] = {}
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                return found
            for name, metric in metrics_of(request).items():
                found.setdefault(name, []).append(metric)


def metrics_of(request: ExportMetricsServiceRequest) -> dict[str, Metric]:
    """The metrics of a request by name; each name once."""
    [resource] = request.resource_metrics
    [scope] = resource.scope_metrics
    metrics = {metric.name: metric for metric in scope.metrics}
    assert len(metrics) == len(scope.metrics)
    return metrics


def resource_of(request: ExportMetricsServiceRequest) -> dict[str, str]:
    """The attributes of the process that a request comes from."""
    return attributes(request.resource_metrics[0].resource)


def attributes(holder: Any) -> dict[str, str]:
    """The attributes of a data point or a resource."""
    pairs = {pair.key: pair.value.string_value for pair in holder.attributes}
    assert len(pairs) == len(holder.attributes)
    return pairs


@contextlib.contextmanager
def http_receiver(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Receives by HTTP on a free port of the loopback until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            answer = receiver.take(body, dict(self.headers.items()))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        receiver.url = f"{scheme}://localhost:{server.server_port}/v1/metrics"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def grpc_receiver() -> Iterator[Receiver]:
    """Receives by gRPC on a free port of the loopback until the block ends.

    An answer's status is the number of a gRPC status code, 200 for OK.
    """
    receiver = Receiver()
    codes = {code.value[0]: code for code in grpc.StatusCode}

    def export(request: bytes, context: grpc.ServicerContext) -> bytes:
        answer = receiver.take(request, dict(context.invocation_metadata()))
        if answer.status != 200:
            context.abort(codes[answer.status], "as the test wants it")
        return answer.body

    service = grpc.method_handlers_generic_handler(
        "opentelemetry.proto.collector.metrics.v1.MetricsService",
        {"Export": grpc.unary_unary_rpc_method_handler(export)},
    )
    server = grpc.server(ThreadPoolExecutor(2), handlers=[service])
    port = server.add_insecure_port("127.0.0.1:0")
    receiver.url = f"http://127.0.0.1:{port}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()
