"""Which format and which coding a request gets, over HTTP."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from dynamo.runtime import DistributedRuntime
from tests.formats.fill import fill
from tests.support import formats
from tests.support.client import connect, fetch, read_answer
from tests.support.formats import OPENMETRICS_2, PROTOBUF, TEXT_1

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTO = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where metrics of every kind are served."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYN_SYSTEM_PORT", "0")
        patch.setenv("DYN_SYSTEM_HOST", "127.0.0.1")
        runtime = DistributedRuntime()
    fill(runtime.metrics)
    assert runtime.system_status_address
    yield runtime.system_status_address
    runtime.shutdown()


def content_type(address: str, accept: str) -> str:
    answer = fetch(address, headers={"Accept": accept})
    assert answer.status == 200
    exposition = formats.read(answer.headers["Content-Type"], answer.body)
    assert exposition.values[formats.key("taken_total")] == 5
    return str(answer.headers["Content-Type"])


def test_each_format_is_had_by_its_name(address: str) -> None:
    cases = [
        ("text/plain;version=0.0.4", TEXT),
        (TEXT_1, "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
        ("application/openmetrics-text;version=1.0.0", f"{OPENMETRICS}; escaping=underscores"),
        (
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text; version=0.0.1; charset=utf-8",
        ),
        (
            OPENMETRICS_2,
            "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        (PROTOBUF, f"{PROTO}; escaping=allow-utf-8"),
        (PROTO, PROTO),
    ]
    for accept, expected in cases:
        assert content_type(address, accept) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        # Prometheus 2, without and with native histograms, and Prometheus 3.
        (
            "application/openmetrics-text;version=1.0.0,"
            "application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            f"{OPENMETRICS}; escaping=underscores",
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,"
            "application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            PROTO,
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            f"{OPENMETRICS}; escaping=allow-utf-8",
        ),
        # A browser, curl.
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
        ("*/*", TEXT),
    ],
)
def test_well_known_readers_get_what_they_like_best(
    address: str, accept: str, expected: str
) -> None:
    assert content_type(address, accept) == expected


def test_a_header_that_makes_no_sense_gets_text(address: str) -> None:
    for accept in [
        "",
        ",",
        "text",
        "/",
        "*",
        "a/b;",
        ";q=1",
        "text/plain;q=2",
        "a" * 8000,
        '"',
        "\xff",
        "\t",
    ]:
        assert content_type(address, accept) == TEXT


def test_several_headers_are_one_list(address: str) -> None:
    lines = [
        "GET /metrics HTTP/1.1",
        "Host: localhost",
        "Accept: text/plain;q=0.5",
        "Accept: application/openmetrics-text",
        "Connection: close",
    ]
    with connect(address) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = read_answer(connection)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")


@pytest.mark.parametrize("accept", formats.ALL.values(), ids=formats.ALL)
def test_head_has_the_headers_of_get(address: str, accept: str) -> None:
    head = fetch(address, method="HEAD", headers={"Accept": accept})
    get = fetch(address, headers={"Accept": accept})
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "Vary"):
        assert head.headers[name] == get.headers[name]
    assert int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("accept", formats.ALL.values(), ids=formats.ALL)
def test_every_format_can_be_packed(address: str, accept: str) -> None:
    def pack(coding: str) -> Any:
        return fetch(address, headers={"Accept": accept, "Accept-Encoding": coding})

    packed = pack("gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept, Accept-Encoding"
    exposition = formats.read(packed.headers["Content-Type"], gzip.decompress(packed.body))
    assert exposition.values[formats.key("taken_total")] == 5

    packed = pack("zstd")
    assert packed.headers["Content-Encoding"] == "zstd"
    assert packed.body[:4] == bytes.fromhex("28b52ffd")  # RFC 8878, 3.1.1

    plain = pack("identity")
    assert plain.headers["Content-Encoding"] is None
    assert len(plain.body) > len(packed.body)
