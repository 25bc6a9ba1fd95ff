"""A program that may export, with a counter. To import it is to start it.

Its argument says by how much the counter goes up before the program ends.
"""

from __future__ import annotations

import sys

from dynamo_metrics import Runtime

runtime = Runtime()
counter = runtime.metrics.create_intcounter("done_total", "help")
if __name__ == "__main__":
    counter.inc_by(int(sys.argv[1]))
    print("ready")
