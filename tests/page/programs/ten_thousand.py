"""Ten thousand series that each scrape moves."""

from __future__ import annotations

from tests.programs.served import metrics

vecs = [
    metrics.create_intcountervec(f"family_{n}_total", "A family", ["model", "gpu"])
    for n in range(500)
]
children = [vec.labels(model=f"model-{n}", gpu=str(n % 8)) for vec in vecs for n in range(20)]


def step():
    for number, child in enumerate(children):
        child.inc_by(number % 7 + 1)


metrics.register_callback(step)
print("there")
input()
