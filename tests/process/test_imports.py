"""What is imported, and when."""

from __future__ import annotations

from tests.support.process import Start


def test_updates_import_nothing(start: Start) -> None:
    """CPython before 3.13 crashes when it finalises while a daemon thread imports."""
    worker = start(
        """
        import sys
        from dynamo.runtime import DistributedRuntime

        metrics = DistributedRuntime().metrics
        modules = set(sys.modules)
        metrics.create_counter("counter", "help").inc()
        metrics.create_gaugevec("gauge", "help", ["a"]).set(1, {"a": "x"})
        histogram = metrics.create_histogram("histogram", "help")
        with histogram.time():
            histogram.observe(1)
        metrics.prometheus_expfmt()
        print(sorted(set(sys.modules) - modules))
        """
    )
    assert worker.line() == "[]"
    worker.assert_ends_cleanly()
