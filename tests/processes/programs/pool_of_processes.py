"""A pool of processes, started by the method of the argument, and what all have counted."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import pool

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with ProcessPoolExecutor(3, mp_context=context) as executor:
        sum(executor.map(pool.square, range(200)))
    print(pool.metrics.prometheus_expfmt())
