"""The thread that passes the core's messages to ``logging``."""

from __future__ import annotations

from tests.support.process import Start


def test_a_child_forked_at_once_can_log(start: Start) -> None:
    worker = start(
        "forked_at_once.py",
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_HOST="127.0.0.1",
    )
    assert worker.lines() == ["logged"]
    assert worker.exit_code() == 0
    assert worker.errors.count("Traceback") == 1  # the callback's, logged
    assert "ZeroDivisionError" in worker.errors


def test_threads_that_register_at_once_share_one_callback_thread(start: Start) -> None:
    worker = start("registering_threads.py")
    assert worker.line() == "['MainThread', 'dynamo-callbacks', 'dynamo-log']"
    worker.assert_ends_cleanly()
