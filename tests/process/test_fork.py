"""Children of a process that serves: they keep no port, and use metrics as they like."""

from __future__ import annotations

import pytest

from tests.support import page, sample
from tests.support.client import connect, is_closed, is_refused, read_answer, request, scrape
from tests.support.process import Start


def test_a_child_has_no_server_and_its_parent_goes_on(forking: Start) -> None:
    worker = forking(
        """
        def child():
            print(runtime.system_status_address)

        print(ended(fork(child)))
        print(runtime.system_status_address)
        input()
        """
    )
    assert [worker.line() for _ in range(3)] == ["None", "0", worker.address]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 1


def test_a_child_uses_metrics_of_its_own(forking: Start) -> None:
    worker = forking(
        """
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
    text = worker.text("the end of the page")
    assert sample(page(text), "ns_comp_ep_counted_total") == 2
    assert sample(page(text), "ns_comp_ep_vec_total", a="x") == 1
    assert sample(page(text), "ns_comp_ep_new_seconds_count") == 1
    assert worker.line() == "0"
    families = scrape(worker.address)
    assert sample(families, "ns_comp_ep_counted_total") == 1
    assert "ns_comp_ep_new_seconds" not in families


def test_a_child_runs_callbacks_of_its_own(forking: Start) -> None:
    worker = forking(
        """
        metrics.register_callback(counter.inc)

        def child():
            metrics.prometheus_expfmt()
            metrics.register_callback(lambda: counter.inc_by(10))
            metrics.prometheus_expfmt()
            print(counter.get())

        print(ended(fork(child)))
        input()
        """,
        DYN_METRICS_CALLBACK_TIMEOUT="86400",
    )
    assert [worker.line() for _ in range(2)] == ["13", "0"]
    assert sample(scrape(worker.address), "ns_comp_ep_counted_total") == 2


def test_a_child_may_serve_on_a_port_of_its_own(forking: Start) -> None:
    worker = forking(
        """
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


def test_a_child_may_shut_down_what_it_inherited_and_its_parent_goes_on(forking: Start) -> None:
    worker = forking(
        """
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
def test_a_child_ends_cleanly_in_every_way(forking: Start, way: str) -> None:
    worker = forking(
        f"""
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


def test_a_child_keeps_neither_the_port_nor_connections_of_its_parent(forking: Start) -> None:
    worker = forking(
        """
        read_end, write_end = os.pipe()
        input()
        pid = fork(lambda: print("child told", os.read(read_end, 1)))
        print("forked")
        input()
        runtime.shutdown()
        print("shut down")
        input()
        os.write(write_end, b"x")
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
    worker.tell()
    assert [worker.line() for _ in range(2)] == ["child told b'x'", "0"]


def test_the_port_is_free_when_the_parent_has_died_and_a_child_lives(
    forking: Start, serve: Start
) -> None:
    worker = forking(
        """
        fork(lambda: print("child", input()))
        os._exit(0)
        """
    )
    assert worker.exit_code() == 0
    port = worker.address.split(":")[1]
    assert serve(DYN_SYSTEM_PORT=port).address == worker.address
    worker.tell("lives")
    assert worker.line() == "child lives"


def test_children_of_multiprocessing_end_and_their_parent_goes_on(forking: Start) -> None:
    worker = forking(
        """
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


def test_a_grandchild_is_as_free_as_a_child(forking: Start) -> None:
    worker = forking(
        """
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
