"""Two of the three series that a group may have, in the directory of the argument."""

from __future__ import annotations

import sys

from dynamo_metrics import Runtime

vec = (
    Runtime(shared_dir=sys.argv[1])
    .namespace("ns")
    .metrics.create_intcountervec("limited_total", "help", ["l"], max_series=3)
)
for label in "ab":
    vec.inc({"l": label})
