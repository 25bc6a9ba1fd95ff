"""A pool of processes whose work is counted together.

    python pool.py

The counter is created before the pool, so that forked workers have it; spawned workers create
it when they import this file.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor

os.environ.setdefault("DYN_METRICS_SHARED_DIR", "auto")

from dynamo_metrics import Runtime

metrics = Runtime().namespace("demo").component("pool").endpoint("square").metrics
squared = metrics.create_intcountervec("squared_total", "Numbers squared", ["parity"])


def square(number: int) -> int:
    """Do the work of one task."""
    squared.inc({"parity": "odd" if number % 2 else "even"})
    return number * number


def main() -> None:
    """Square some numbers, and show what all processes have counted."""
    with ProcessPoolExecutor(4) as pool:
        print(sum(pool.map(square, range(1000))))
    for line in metrics.prometheus_expfmt().splitlines():
        if line.startswith("demo_pool_square_squared_total"):
            print(line)


if __name__ == "__main__":
    main()
