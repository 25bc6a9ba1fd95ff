"""Daemon threads that are still at work while the interpreter finalises."""

from __future__ import annotations

import pytest

from tests.support.client import scrape
from tests.support.process import Start
from tests.support.stress import repeats

# Each runs for ever on daemon threads, while the interpreter ends beneath them.
WORK = {
    "updates": "counter.inc(); histogram.observe(0.1); vec.inc({'a': 'x'}); vec.get({'a': 'x'})",
    "new children": "vec.inc({'a': str(next(numbers))}); vec.clear()",
    "timers": "with histogram.time(): pass",
    "pages": "metrics.prometheus_expfmt()",
    "new metrics": "runtime.namespace('a').metrics.create_counter(f'm_{next(numbers)}', 'help')",
    "callbacks": "metrics.register_callback(counter.inc).unregister()",
    "runtimes": "DistributedRuntime().shutdown()",
}

AT_WORK = """
    import itertools
    counter = metrics.create_counter("counted_total", "help")
    vec = metrics.create_intcountervec("vec_total", "help", ["a"])
    histogram = metrics.create_histogram("timed_seconds", "help")
    numbers = itertools.count()
    begun = threading.Semaphore(0)

    def work():
        {work}
        begun.release()
        while True:
            {work}

    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    for _ in range(3):
        begun.acquire()
"""


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_processes_end_cleanly_while_daemon_threads_work(serve: Start, work: str) -> None:
    script = AT_WORK.format(work=work)
    for _ in range(repeats(4, 20)):
        serve(script).assert_ends_cleanly()


# Python code that a metric calls. It blocks until the interpreter finalises, which then ends the
# thread at its next instruction: below it lies a frame of the metric's method.
BLOCKS = """
    import time, types
    read_end, write_end = os.pipe()

    def block():
        print("blocks")
        os.read(read_end, 1)

    def blocking_items():
        block()
        yield "a"

    class Callback:
        def __call__(self):
            pass

        def __getattr__(self, name):
            block()

    class Last:
        # Deleted when the interpreter has begun to finalise.
        def __del__(self, write=os.write, sleep=time.sleep):
            write(write_end, b"x")
            sleep(0.1)  # so that the thread gets to its next instruction before the process ends
            write(1, b"outlived it\\n")

    # The thread keeps the variables of this module, but not those of another.
    other = sys.modules["other"] = types.ModuleType("other")
    other.last = Last()
    del other
    vec = metrics.create_countervec("vec_total", "help", ["a"])
    threading.Thread(target=lambda: {call}, daemon=True).start()
    input()
"""


@pytest.mark.parametrize(
    "call",
    [
        "metrics.register_callback(Callback())",
        "vec.with_label_values(blocking_items())",
        "metrics.create_countervec('m', 'help', blocking_items())",
        "metrics.create_counter('m', 'help', blocking_items())",
        "metrics.create_histogram('m', 'help', buckets=blocking_items())",
    ],
)
def test_a_thread_that_ends_inside_a_call_does_not_abort_the_process(
    serve: Start, call: str
) -> None:
    worker = serve(BLOCKS.format(call=call))
    assert worker.line() == "blocks"
    worker.tell()
    assert worker.line() == "outlived it"
    worker.assert_ends_cleanly()


def test_a_process_ends_cleanly_while_it_is_scraped_without_pause(serve: Start) -> None:
    script = """
        counter = metrics.create_counter("counted_total", "help")
        metrics.register_callback(counter.inc)
        input()
    """
    for _ in range(repeats(2, 20)):
        worker = serve(script)
        for _ in range(3):
            scrape(worker.address)
        worker.tell()
        worker.assert_ends_cleanly()
