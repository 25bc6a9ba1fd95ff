"""A member of a group that counts a series without a label and the same one with an empty label.

Its argument says how it counts: "counter", "vec", or "both" and a child that counts as well.
"""

from __future__ import annotations

import os
import sys
import warnings

from dynamo.runtime import DistributedRuntime

warnings.simplefilter("ignore")
which = sys.argv[1]
runtime = DistributedRuntime()
metrics = runtime.namespace("ns").component("comp").endpoint("ep").metrics
updates = []
if which in ("counter", "both"):
    counter = metrics.create_intcounter("counted_total", "help")
    updates.append(counter.inc)
if which in ("vec", "both"):
    vec = metrics.create_intcountervec("counted_total", "help", ["tenant"])
    updates += [lambda: vec.inc({"tenant": ""}), lambda: vec.inc({"tenant": "a"})]


def count() -> None:
    for update in updates:
        update()


count()
if which == "both":
    pid = os.fork()
    if not pid:
        count()
        os._exit(0)
    os.waitpid(pid, 0)
print("counted")
input()
