"""Forks, and programs started, while the process serves, runs callbacks and updates metrics."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.support import sample
from tests.support.client import fetch, in_background, is_refused, scrape
from tests.support.process import Start


@pytest.mark.parametrize("close_fds", [True, False])
def test_a_program_that_is_started_keeps_no_port(serve: Start, close_fds: bool) -> None:
    worker = serve(
        f"""
        import subprocess
        program = "print('program', input())"
        subprocess.Popen([sys.executable, "-uc", program], close_fds={close_fds})
        os._exit(0)
        """
    )
    assert worker.exit_code() == 0
    port = worker.address.split(":")[1]
    assert serve(DYN_SYSTEM_PORT=port).address == worker.address
    worker.tell("lives")
    assert worker.line() == "program lives"


def test_a_process_that_becomes_another_program_keeps_no_port(serve: Start) -> None:
    worker = serve(
        """
        program = "print('program'); input()"
        os.execv(sys.executable, [sys.executable, "-uc", program])
        """
    )
    assert worker.line() == "program"
    assert is_refused(worker.address)


def test_programs_that_are_run_do_not_disturb_scrapes(serve: Start) -> None:
    worker = serve(
        """
        import subprocess
        for _ in range(10):
            assert subprocess.run(["true"], preexec_fn=lambda: None).returncode == 0
        print("done")
        input()
        """
    )
    for _ in range(20):
        scrape(worker.address)
    assert worker.line() == "done"


def test_forks_in_the_middle_of_scrapes_and_callbacks_harm_neither(forking: Start) -> None:
    worker = forking(
        """
        for number in range(1000):
            vec.inc({"a": str(number)})
        metrics.register_callback(lambda: vec.inc({"a": "called"}))

        def update():
            number = 0
            while True:
                vec.inc({"a": str(number % 3000)})
                number += 1

        def render():
            while True:
                metrics.prometheus_expfmt()

        def child():
            vec.inc({"a": "child"})
            vec.inc({"a": "new in the child"})
            metrics.prometheus_expfmt()
            metrics.create_counter("new_total", "help").inc()
            assert runtime.system_status_address is None

        for work in (update, render):
            threading.Thread(target=work, daemon=True).start()
        print("ready")
        input()
        print({ended(fork(child)) for _ in range(50)})
        input()
        """
    )

    def scrape_on(until: Future[str]) -> int:
        scrapes = 0
        while not until.done():
            for headers in ({}, {"Accept-Encoding": "gzip"}):
                families = fetch(worker.address, headers=headers).families
                assert len(families["ns_comp_ep_vec_total"].samples) >= 1000
                scrapes += 1
        return scrapes

    assert worker.line() == "ready"
    worker.tell()
    with in_background(worker.line) as line, in_background(scrape_on, line) as scrapes:
        assert line.result() == "{0}"
    assert scrapes.result() > 0
    worker.tell()
    worker.assert_ends_cleanly()


def test_a_fork_does_not_wait_for_a_callback_that_hangs(forking: Start) -> None:
    worker = forking(
        """
        hanging = threading.Event()

        def hangs():
            print("hangs")
            hanging.wait()

        handle = metrics.register_callback(hangs)
        print("ready")
        input()

        def child():
            handle.unregister()
            metrics.prometheus_expfmt()

        print(ended(fork(child)))
        hanging.set()
        input()
        """,
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert worker.line() == "ready"
    with in_background(scrape, worker.address) as scraped:
        assert worker.line() == "hangs"
        worker.tell()
        assert worker.line() == "0"
    assert "ns_comp_ep_counted_total" in scraped.result()


def test_a_callback_may_fork(forking: Start) -> None:
    worker = forking(
        """
        def child():
            handle.unregister()
            counter.inc()
            metrics.prometheus_expfmt()

        handle = metrics.register_callback(lambda: print(ended(fork(child))))
        print("ready")
        input()
        """,
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert worker.line() == "ready"
    for _ in range(3):
        assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 1
        assert worker.line() == "0"
    worker.tell()
    worker.assert_ends_cleanly()


@pytest.mark.parametrize("moment", ["before", "after_in_parent"])
def test_threads_may_use_everything_while_others_prepare_for_a_fork(
    start: Start, moment: str
) -> None:
    worker = start(
        f"""
        import os, threading

        meeting = threading.Barrier(2)

        def hook():
            meeting.wait()
            meeting.wait()

        # As that of logging, it comes nearer to the fork than hooks of later imports.
        os.register_at_fork({moment}=hook)

        from dynamo.runtime import DistributedRuntime
        runtime = DistributedRuntime()
        metrics = runtime.metrics
        counter = metrics.create_intcounter("counted_total", "help")
        metrics.register_callback(counter.inc)

        def use():
            meeting.wait()
            runtime.set_health_status("ready")
            DistributedRuntime().shutdown()
            metrics.register_callback(counter.inc).unregister()
            metrics.prometheus_expfmt()
            meeting.wait()

        threading.Thread(target=use).start()
        pid = os.fork()
        if not pid:
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), counter.get())
        """,
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_HOST="127.0.0.1",
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert worker.line() == "0 1"
