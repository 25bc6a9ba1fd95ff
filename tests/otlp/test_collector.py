"""The real OpenTelemetry Collector understands every kind of metric: it passes all of them on.

Run by `make test-otlp`, which builds the collector from Go modules.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from dynamo_metrics import Runtime
from tests.support.exposition import exposition, sample
from tests.support.otlp import Receiver, attributes, http_receiver
from tests.support.process import free_port
from tests.support.waiting import eventually

RELAY = os.environ.get("OTLP_RELAY", "")

CONFIG = """\
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"}}
      http: {{endpoint: "127.0.0.1:{http}"}}
exporters:
  otlphttp:
    metrics_endpoint: {url}
    compression: none
    retry_on_failure: {{enabled: false}}
    sending_queue: {{enabled: false}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    metrics: {{receivers: [otlp], exporters: [otlphttp]}}
"""

pytestmark = pytest.mark.skipif(not RELAY, reason="OTLP_RELAY names no collector")


@contextmanager
def collector(receiver: Receiver, folder: Path) -> Iterator[dict[str, str]]:
    """A collector that sends on to ``receiver``; gives its endpoints by protocol."""
    grpc, http = free_port(), free_port()
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(grpc=grpc, http=http, url=receiver.url))
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen([RELAY, "--config", str(config)], stderr=log)
        try:
            eventually(lambda: (reachable(http) and reachable(grpc)) or None, 30.0)
            yield {
                "grpc": f"http://127.0.0.1:{grpc}",
                "http/protobuf": f"http://127.0.0.1:{http}/v1/metrics",
            }
        finally:
            process.terminate()
            process.wait()


def reachable(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def value(point: Any) -> float:
    number: float = getattr(point, point.WhichOneof("value"))
    return number


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_every_value_equals_that_of_the_scrape(
    protocol: str, compression: str, tmp_path: Path
) -> None:
    runtime = Runtime(callback_timeout=60)
    metrics = runtime.namespace("ns").component("comp").endpoint("ep").metrics
    vec = metrics.create_countervec("busy_seconds_total", "Busy", ["code"], unit="seconds")
    for code in range(50):
        vec.inc_by({"code": f"ü{code}"}, code + 0.5)
    metrics.create_intgauge("running", "Running").set(-7)
    classic = metrics.create_histogram("latency_seconds", "Latency", buckets=[0.1, 1.0])
    native = metrics.create_histogram("native_seconds", "Latency", native=True)
    for step in range(100):
        classic.observe(step / 50, exemplar={"trace_id": f"{step:032x}"})
        native.observe(step / 7 - 3)
    runtime.metrics.register_prometheus_expfmt_callback(
        lambda: '# TYPE theirs summary\ntheirs{quantile="0.5"} 2\ntheirs_sum 9\ntheirs_count 4\n'
    )
    with http_receiver() as receiver, collector(receiver, tmp_path) as endpoints:
        runtime.push.start(
            endpoints[protocol], protocol=protocol, compression=compression, interval=3600
        )
        try:
            assert runtime.push.flush()
            sent = receiver.metrics()
        finally:
            runtime.push.stop(0)
    check(sent, exposition(runtime))


def check(sent: dict[str, Metric], shown: Any) -> None:
    counters = sent["ns_comp_ep_busy_seconds_total"]
    assert (counters.unit, counters.sum.is_monotonic) == ("s", True)
    assert len(counters.sum.data_points) == 50
    for point in counters.sum.data_points:
        expected = sample(shown, "ns_comp_ep_busy_seconds_total", **attributes(point))
        assert value(point) == expected
        assert point.start_time_unix_nano
    [gauge] = sent["ns_comp_ep_running"].gauge.data_points
    assert value(gauge) == -7
    [classic] = sent["ns_comp_ep_latency_seconds"].histogram.data_points
    assert list(classic.explicit_bounds) == [0.1, 1.0]
    assert classic.count == sample(shown, "ns_comp_ep_latency_seconds_count")
    assert classic.sum == sample(shown, "ns_comp_ep_latency_seconds_sum")
    assert classic.bucket_counts[0] == sample(shown, "ns_comp_ep_latency_seconds_bucket", le="0.1")
    assert len(classic.exemplars) == 3
    [native] = sent["ns_comp_ep_native_seconds"].exponential_histogram.data_points
    assert (native.count, native.scale) == (100, 3)
    assert native.sum == sample(shown, "ns_comp_ep_native_seconds_sum")
    total = sum(native.positive.bucket_counts) + sum(native.negative.bucket_counts)
    assert total + native.zero_count == 100
    [summary] = sent["theirs"].summary.data_points
    assert (summary.count, summary.sum, summary.quantile_values[0].value) == (4, 9, 2)
