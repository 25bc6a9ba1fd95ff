"""The order in which a request tries the workers of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dynamo._client.routing import RoundRobin, random_order

if TYPE_CHECKING:
    from dynamo.frontend._workers import Worker

Order = Callable[[Sequence["Worker"]], Sequence["Worker"]]
"""Returns all workers, the one that is to get the request first."""


def _round_robin() -> Order:
    return RoundRobin().order


def _random() -> Order:
    return random_order


def _least_in_flight() -> Order:
    turns = RoundRobin()

    def order(workers: Sequence[Worker]) -> Sequence[Worker]:
        # Workers with as many requests take turns: sorting keeps their order.
        return sorted(turns.order(workers), key=lambda worker: worker.in_flight)

    return order


ROUTERS: dict[str, Callable[[], Order]] = {
    "round-robin": _round_robin,
    "random": _random,
    "least-in-flight": _least_in_flight,
}
"""Makes the order of one model, by the name of the mode."""

ELSEWHERE = {"kv": "least-in-flight: there is no index of KV caches"}
"""Modes that Dynamo has, and what takes their place here."""
