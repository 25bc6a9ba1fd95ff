"""The thread that passes the core's messages to ``logging``."""

from __future__ import annotations

from tests.support.process import Start


def test_a_child_forked_at_once_can_log(start: Start) -> None:
    worker = start(
        """
        import os
        from dynamo.runtime import DistributedRuntime

        DistributedRuntime()
        child = os.fork()
        if child == 0:
            runtime = DistributedRuntime()
            runtime.metrics.register_callback(lambda: 1 / 0)
            runtime.metrics.prometheus_expfmt()
            print("logged", flush=True)
        else:
            _, status = os.waitpid(child, 0)
            assert status == 0
        """,
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_HOST="127.0.0.1",
    )
    assert worker.lines() == ["logged"]
    assert worker.exit_code() == 0
    assert worker.errors.count("Traceback") == 1  # the callback's, logged
    assert "ZeroDivisionError" in worker.errors


def test_threads_that_register_at_once_share_one_callback_thread(start: Start) -> None:
    worker = start(
        """
        import sys, threading
        from dynamo.runtime import DistributedRuntime

        runtime = DistributedRuntime()
        sys.setswitchinterval(1e-6)
        together = threading.Barrier(16)

        def register():
            together.wait()
            runtime.metrics.register_callback(lambda: None)

        threads = [threading.Thread(target=register) for _ in range(16)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(sorted(thread.name for thread in threading.enumerate()))
        """
    )
    assert worker.line() == "['MainThread', 'dynamo-callbacks', 'dynamo-log']"
    worker.assert_ends_cleanly()
