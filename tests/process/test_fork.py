"""Children of a process that serves: they keep no port, and use metrics as they like."""

from __future__ import annotations

import pytest

from tests.support import page, sample
from tests.support.client import (
    connect,
    fetch,
    in_background,
    is_closed,
    is_refused,
    read_answer,
    request,
    scrape,
)
from tests.support.process import Start

# A child ends with 0 if what it does raises nothing.
FORKS = """
    import warnings
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

    counter = metrics.create_intcounter("counted_total", "help")
    vec = metrics.create_intcountervec("vec_total", "help", ["a"])
    counter.inc()

    def fork(child):
        pid = os.fork()
        if not pid:
            code = 1
            try:
                child()
                code = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(code)
        return pid

    def ended(pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def test_a_child_has_no_server_and_its_parent_goes_on(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
    def child():
        print(runtime.system_status_address)

    print(ended(fork(child)))
    print(runtime.system_status_address)
    input()
    """
    )
    assert [worker.line() for _ in range(3)] == ["None", "0", worker.address]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 1


def test_a_child_uses_metrics_of_its_own(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
    def child():
        counter.inc()
        vec.inc({"a": "x"})
        metrics.create_histogram("new_seconds", "help").observe(1)
        print(metrics.prometheus_expfmt(), end="")
        print("the end of the page")

    print(ended(fork(child)))
    input()
    """
    )
    text = "".join(f"{line}\n" for line in iter(worker.line, "the end of the page"))
    assert sample(page(text), "ns_comp_ep_counted_total") == 2
    assert sample(page(text), "ns_comp_ep_vec_total", a="x") == 1
    assert sample(page(text), "ns_comp_ep_new_seconds_count") == 1
    assert worker.line() == "0"
    families = scrape(worker.address)
    assert sample(families, "ns_comp_ep_counted_total") == 1
    assert "ns_comp_ep_new_seconds" not in families


def test_a_child_runs_callbacks_of_its_own(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
    metrics.register_callback(counter.inc)

    def child():
        metrics.prometheus_expfmt()
        metrics.register_callback(lambda: counter.inc_by(10))
        metrics.prometheus_expfmt()
        print(counter.get())

    print(ended(fork(child)))
    input()
    """
    )
    assert [worker.line() for _ in range(2)] == ["13", "0"]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 2


def test_a_child_may_serve_on_a_port_of_its_own(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
    def child():
        own = DistributedRuntime()
        own.metrics.create_counter("own_total", "help").inc()
        print(own.system_status_address)
        input()

    pid = fork(child)
    print(ended(pid))
    input()
    """
    )
    address = worker.line()
    assert sample(scrape(address), "own_total") == 1
    assert "own_total" not in scrape(worker.address)
    worker.tell()
    assert worker.line() == "0"
    assert is_refused(address)
    assert "ns_comp_ep_counted_total" in scrape(worker.address)


def test_a_child_may_shut_down_what_it_inherited_and_its_parent_goes_on(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
    def child():
        runtime.shutdown()
        counter.inc()

    print(ended(fork(child)))
    input()
    """
    )
    assert worker.line() == "0"
    assert "ns_comp_ep_counted_total" in scrape(worker.address)


@pytest.mark.parametrize("way", ["sys.exit()", "return", "os._exit(0)"])
def test_a_child_ends_cleanly_in_every_way(serve: Start, way: str) -> None:
    worker = serve(
        FORKS
        + f"""
    def main():
        metrics.register_callback(lambda: None)
        print("ready")
        input()
        pid = os.fork()
        if not pid:
            {way}
        print(ended(pid))
        input()

    main()
    """
    )
    assert worker.line() == "ready"
    scrape(worker.address)
    worker.tell()
    assert worker.line() == "0"
    scrape(worker.address)
    worker.tell()
    worker.assert_ends_cleanly()


def test_a_child_keeps_neither_the_port_nor_connections_of_its_parent(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
    input()
    pid = fork(lambda: print("child", input()))
    print("forked")
    input()
    runtime.shutdown()
    print("shut down")
    print(ended(pid))
    """
    )
    with connect(worker.address) as connection:
        connection.sendall(request())
        assert read_answer(connection).status == 200
        worker.tell()
        assert worker.line() == "forked"
        worker.tell()
        assert worker.line() == "shut down"
        assert is_closed(connection)
    assert is_refused(worker.address)
    worker.tell("lives")
    assert [worker.line() for _ in range(2)] == ["child lives", "0"]


def test_the_port_is_free_when_the_parent_has_died_and_a_child_lives(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
    fork(lambda: print("child", input()))
    os._exit(0)
    """
    )
    assert worker.exit_code() == 0
    port = worker.address.split(":")[1]
    assert serve(DYN_SYSTEM_PORT=port).address == worker.address
    worker.tell("lives")
    assert worker.line() == "child lives"


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


def test_children_of_multiprocessing_end_and_their_parent_goes_on(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
    import multiprocessing
    context = multiprocessing.get_context("fork")

    def child(number):
        counter.inc()
        vec.inc({"a": str(number)})
        return f'a="{number}"' in metrics.prometheus_expfmt()

    with context.Pool(4) as pool:
        print(pool.map(child, range(4), chunksize=1))
    process = context.Process(target=child, args=[0])
    process.start()
    process.join()
    print(process.exitcode)
    input()
    """
    )
    assert [worker.line() for _ in range(2)] == ["[True, True, True, True]", "0"]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 1
    worker.tell()
    worker.assert_ends_cleanly()


def test_forks_in_the_middle_of_scrapes_and_callbacks_harm_neither(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
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

    def scrape_on(until: object) -> int:
        scrapes = 0
        while not until.done():  # type: ignore[attr-defined]
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


def test_a_fork_does_not_wait_for_a_callback_that_hangs(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
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


def test_a_callback_may_fork(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
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


def test_a_grandchild_is_as_free_as_a_child(serve: Start) -> None:
    worker = serve(
        FORKS
        + """
    def child():
        own = DistributedRuntime()
        counter.inc()

        def grandchild():
            assert own.system_status_address is runtime.system_status_address is None
            counter.inc()
            metrics.prometheus_expfmt()
            print(counter.get())

        assert ended(fork(grandchild)) == 0
        own.shutdown()

    print(ended(fork(child)))
    input()
    """
    )
    assert [worker.line() for _ in range(2)] == ["3", "0"]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 1


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
    )
    assert worker.line() == "0 1"
