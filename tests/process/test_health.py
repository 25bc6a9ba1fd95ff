"""When ``/health`` says that a process takes work."""

from __future__ import annotations

from tests.support.client import fetch
from tests.support.process import Start, Worker

# Does as it is told: sets the status of an endpoint, or of the runtime if none is named.
OBEYS = "obeys.py"


def told(worker: Worker, order: str) -> None:
    worker.tell(order)
    assert worker.line() == "done"


def health(worker: Worker) -> tuple[int, str, dict[str, str]]:
    answer = fetch(worker.address, "/health")
    return answer.status, answer.json["status"], answer.json["endpoints"]


def test_a_process_is_not_ready_until_it_says_so(serve: Start) -> None:
    worker = serve(OBEYS)
    assert health(worker) == (503, "notready", {})
    told(worker, "ready")
    assert health(worker) == (200, "ready", {})
    told(worker, "notready")
    assert health(worker) == (503, "notready", {})


def test_a_process_may_start_ready(serve: Start) -> None:
    worker = serve(DYN_SYSTEM_STARTING_HEALTH_STATUS="ready")
    assert health(worker) == (200, "ready", {})


def test_all_endpoints_that_have_reported_must_be_ready(serve: Start) -> None:
    worker = serve(OBEYS, DYN_SYSTEM_STARTING_HEALTH_STATUS="ready")
    told(worker, "generate notready")
    assert health(worker) == (503, "notready", {"generate": "notready"})
    told(worker, "generate ready")
    assert health(worker) == (200, "ready", {"generate": "ready"})
    told(worker, "clear notready")
    assert health(worker) == (503, "notready", {"clear": "notready", "generate": "ready"})


def test_endpoints_that_must_be_ready_decide_alone(serve: Start) -> None:
    worker = serve(OBEYS, DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS='["generate", "clear"]')
    told(worker, "ready")
    told(worker, "generate ready")
    assert health(worker) == (503, "notready", {"clear": "notready", "generate": "ready"})
    told(worker, "clear ready")
    told(worker, "other notready")
    assert health(worker)[:2] == (200, "ready")


def test_a_process_that_is_not_ready_is_live(serve: Start) -> None:
    worker = serve()
    assert health(worker)[0] == 503
    assert fetch(worker.address, "/live").status == 200
