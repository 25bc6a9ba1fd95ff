"""A program that may export, with a counter. To import it is to start it.

Its argument says by how much the counter goes up before the program ends. With ``PATIENT`` in its
environment, its last export has half a minute instead of a second.
"""

from __future__ import annotations

import os
import sys
import warnings

from dynamo_metrics import Runtime
from dynamo_metrics.push import _exporter

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

if "PATIENT" in os.environ:
    _exporter._AT_EXIT_TIMEOUT = _exporter._LAST_EXPORT_TIMEOUT = 30.0
    _exporter.stop.__defaults__ = (30.0,)

runtime = Runtime()
counter = runtime.metrics.create_intcounter("done_total", "help")
if __name__ == "__main__":
    counter.inc_by(int(sys.argv[1]))
    print("ready")
