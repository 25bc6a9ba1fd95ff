"""Children of multiprocessing."""

from __future__ import annotations

import multiprocessing

from tests.programs.forking import counter, vec
from tests.programs.served import metrics

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
