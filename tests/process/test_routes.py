"""What each route answers, to whom."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import pytest

from tests.support import exposition, sample
from tests.support.client import connect, fetch, read_answer, request
from tests.support.process import Start, serving, workers

SCRIPT = "one_counter.py"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with workers(__file__) as start:
        worker = serving(start, SCRIPT)
        assert worker.line() == "ready"
        yield worker.address


def test_metrics_are_text_of_format_0_0_4_by_default(address: str) -> None:
    answer = fetch(address)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Content-Encoding"] is None
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    family = answer.families["ns_comp_ep_requests_total"]
    assert (family.type, family.help, family.samples[0].value) == ("counter", "Requests", 7)


def test_metrics_are_packed_for_those_who_can_unpack_them(address: str) -> None:
    for accepted in ["gzip", "deflate, gzip;q=0.5", "gzip, zstd, br", "*"]:
        answer = fetch(address, headers={"Accept-Encoding": accepted})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept, Accept-Encoding"
        families = exposition(gzip.decompress(answer.body).decode())
        assert sample(families, "ns_comp_ep_requests_total") == 7


def test_the_order_decides_among_equally_accepted_encodings(address: str) -> None:
    for accepted, encoding in (("zstd,gzip", "zstd"), ("gzip,zstd", "gzip")):
        answer = fetch(address, headers={"Accept-Encoding": accepted})
        assert answer.headers["Content-Encoding"] == encoding


def test_metrics_are_not_packed_for_those_who_cannot(address: str) -> None:
    for accepted in ["identity", "gzip;q=0", "br", ""]:
        answer = fetch(address, headers={"Accept-Encoding": accepted})
        assert answer.headers["Content-Encoding"] is None
        assert sample(exposition(answer.body.decode()), "ns_comp_ep_requests_total") == 7


def test_health_is_json_in_the_order_that_is_documented(address: str) -> None:
    answer = fetch(address, "/health")
    assert answer.status == 503
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json) == ["status", "endpoints", "uptime"]
    assert (answer.json["status"], answer.json["endpoints"]) == ("notready", {})
    assert {type(part) for part in answer.json["uptime"].values()} == {int}
    assert list(answer.json["uptime"]) == ["secs", "nanos"]


def test_live_is_200_and_json(address: str) -> None:
    answer = fetch(address, "/live")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json) == ["status", "uptime"]
    assert answer.json["status"] == "live"


def test_uptime_grows(address: str) -> None:
    def uptime() -> tuple[int, int]:
        uptime = fetch(address, "/live").json["uptime"]
        return uptime["secs"], uptime["nanos"]

    assert uptime() < uptime()


def test_the_live_page_and_its_files_are_served(address: str) -> None:
    page = fetch(address, "/")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    files = re.findall(r'(?:href|src)="(page/[^"]+)"', page.text)
    assert len(files) == 3
    for file in files:
        answer = fetch(address, f"/{file}")
        assert answer.status == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_live_page_can_be_switched_off(serve: Start) -> None:
    worker = serve(DYN_SYSTEM_PAGE="0")
    for path in ("/", "/page/main.js"):
        answer = fetch(worker.address, path)
        assert answer.status == 404
        assert answer.text == "not found: try /metrics, /health, /live\n"


def test_another_path_is_404_with_one_line(address: str) -> None:
    for path in ["/metric", "/metrics/", "/health/x", "//", "/favicon.ico"]:
        answer = fetch(address, path)
        assert answer.status == 404
        assert answer.text.count("\n") == 1
        assert "/metrics" in answer.text


def test_another_method_is_405_with_one_line(address: str) -> None:
    for path in ["/metrics", "/health", "/live", "/"]:
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]:
            answer = fetch(address, path, method)
            assert answer.status == 405
            assert answer.headers["Allow"] == "GET,HEAD"
            assert answer.text == f"{method} is not allowed on {path}: use GET or HEAD\n"


def test_head_answers_as_get_does_without_a_body(address: str) -> None:
    for path in ["/metrics", "/health", "/live", "/", "/elsewhere"]:
        head, get = fetch(address, path, "HEAD"), fetch(address, path)
        assert head.status == get.status
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
        assert head.headers["Content-Length"] is not None
        assert head.body == b""


def test_a_query_does_not_change_the_route(address: str) -> None:
    assert "ns_comp_ep_requests_total" in fetch(address, "/metrics?other=x").families


@pytest.mark.parametrize(
    "query",
    [
        "name[]=ns_comp_ep_requests_total",
        "name%5B%5D=ns_comp_ep_requests",
        "name[]=unknown&name[]=ns_comp_ep_requests_total&name[]=x",
    ],
)
@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text"])
def test_a_scrape_may_ask_for_families_by_name(address: str, query: str, accept: str) -> None:
    lines = fetch(address, f"/metrics?{query}", headers={"Accept": accept}).text.splitlines()
    assert {line.split(" ")[2] for line in lines if line.startswith("# TYPE")} <= {
        "ns_comp_ep_requests_total",
        "ns_comp_ep_requests",
    }
    [sample] = [line for line in lines if not line.startswith("#")]
    assert sample.endswith(" 7")


def test_a_histogram_is_found_by_its_samples(address: str) -> None:
    answer = fetch(address, "/metrics?name[]=ns_comp_ep_waiting_seconds_bucket")
    assert list(answer.families) == ["ns_comp_ep_waiting_seconds"]


def test_a_name_that_is_unknown_selects_nothing(address: str) -> None:
    answer = fetch(address, "/metrics?name[]=unknown")
    assert (answer.status, answer.body) == (200, b"")


def test_no_response_is_sniffed_or_stored(address: str) -> None:
    for path in ["/metrics", "/health", "/live", "/", "/elsewhere"]:
        headers = fetch(address, path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        # The live page is kept, and asked for anew with its tag.
        assert headers["Cache-Control"] == ("no-cache" if path == "/" else "no-store")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /live HTTP/1.1\r\n", 400),
        (b"GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400),
        (b"GET /live HTTP/1.1\r\nHost: a\r\n", 200),
        (b"GET /live HTTP/1.0\r\n", 200),
    ],
)
def test_a_request_of_http_1_1_has_exactly_one_host(address: str, head: bytes, status: int) -> None:
    with connect(address) as connection:
        connection.sendall(head + b"\r\n")
        assert read_answer(connection).status == status


def test_a_connection_serves_one_request_after_the_other(address: str) -> None:
    with connect(address) as connection:
        for path in ("/metrics", "/live", "/elsewhere", "/metrics"):
            connection.sendall(request(path))
            assert read_answer(connection).status == (404 if path == "/elsewhere" else 200)


def test_health_and_live_may_have_paths_of_their_own(serve: Start) -> None:
    worker = serve(DYN_SYSTEM_HEALTH_PATH="/healthz", DYN_SYSTEM_LIVE_PATH="/up/live")
    assert fetch(worker.address, "/healthz").json["status"] == "notready"
    assert fetch(worker.address, "/up/live").json["status"] == "live"
    assert fetch(worker.address, "/health").status == 404
    assert fetch(worker.address, "/live").status == 404
