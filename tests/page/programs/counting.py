"""A counter that starts at the argument and that each scrape moves by five."""

from __future__ import annotations

import sys

from tests.programs.served import metrics

counter = metrics.create_intcounter("steps_total", "Steps")
counter.inc_by(int(sys.argv[1]))
metrics.register_callback(lambda: counter.inc_by(5))
print("there")
input()
