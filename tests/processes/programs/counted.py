"""A member of a group with a counter at 1 and a gauge at its number.

To import it is to start it; as a program it waits until it is told.
"""

from __future__ import annotations

from tests.programs.served import metrics, runtime

counter = metrics.create_intcounter("counted_total", "help")
gauge = metrics.create_gauge("value", "help")
counter.inc()
gauge.set(runtime.process_number)
if __name__ == "__main__":
    input()
