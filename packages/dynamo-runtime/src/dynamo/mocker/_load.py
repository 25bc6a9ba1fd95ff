"""Requests that the mocker sends to itself, or to the frontend in front of it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dynamo.mocker._model import VOCABULARY
from dynamo.runtime import RequestError

if TYPE_CHECKING:
    from dynamo.runtime import Client

_MAX_INFLIGHT = 10_000
"""Requests in flight at once; further ones are dropped."""
_SPREAD = 0.8
"""The sigma of the logarithm of a prompt's length beyond its prefix."""
_DISCONNECT_SHARE = 0.01
"""The share of clients that disconnect after the first item."""

_log = logging.getLogger("dynamo.mocker")


@dataclass(frozen=True)
class Load:
    """The rate and the sizes of the requests."""

    rate: float
    """Requests a second, on average. They come independently of each other: a Poisson stream."""
    seed: int = 0
    prompt: float = 200.0
    """The median number of tokens of a prompt beyond its prefix; log-normally distributed."""
    longest: int = 8192
    """Tokens that prompt and answer have together at most."""
    prefixes: int = 8
    """How many beginnings prompts have; the ``n``-th is ``1/n`` as likely as the first."""
    prefix: int = 128
    """Tokens of such a beginning, as a system prompt has them."""
    answer: float = 300.0
    """The median of ``max_tokens``; log-normally distributed."""
    model: str = "mock"
    """The model that requests name, as those of a frontend do."""
    url: str | None = None
    """The frontend that they are sent to; None sends them to the endpoint."""


class Arrival(NamedTuple):
    """A request to come."""

    after: float
    """Seconds after the one before."""
    request: dict[str, Any]
    disconnects: bool
    """Whether its client disconnects after the first item."""


def arrivals(load: Load) -> Iterator[Arrival]:
    """Yield the requests of a load, without end: the same ones for the same load."""
    draw = random.Random(f"{load.seed}/load")

    def tokens(number: int) -> list[int]:
        return draw.choices(range(VOCABULARY), k=number)

    def length(median: float, most: int) -> int:
        return max(1, min(most, round(median * draw.lognormvariate(0, _SPREAD))))

    room = load.longest // 2
    shared = max(0, min(load.prefix, room - 1))
    prefixes = [tokens(shared) for _ in range(load.prefixes)]
    weights = [1 / rank for rank in range(1, len(prefixes) + 1)]
    while True:
        (prefix,) = draw.choices(prefixes, weights)
        request = {
            "model": load.model,
            "token_ids": prefix + tokens(length(load.prompt, room - shared)),
            "max_tokens": length(load.answer, room),
        }
        yield Arrival(draw.expovariate(load.rate), request, draw.random() < _DISCONNECT_SHARE)


class Sender(Protocol):
    """Sends requests somewhere."""

    async def ready(self) -> None:
        """Wait until requests can be sent."""
        ...

    async def send(self, arrival: Arrival) -> None:
        """Send a request and read its answer, all or the first item. Raises no error of either."""
        ...


async def drive(sender: Sender, load: Load) -> None:
    """Send the requests of a load, each at its time, until cancelled.

    They are sent whether or not the engine keeps up, as users do. Errors are ignored: the worker
    counts them.
    """
    inflight: set[asyncio.Task[None]] = set()
    full = False
    await sender.ready()
    due = monotonic()
    try:
        for arrival in arrivals(load):
            due += arrival.after
            await asyncio.sleep(due - monotonic())
            if len(inflight) < _MAX_INFLIGHT:
                full = False
                task = asyncio.create_task(sender.send(arrival))
                inflight.add(task)
                task.add_done_callback(inflight.discard)
            elif not full:
                full = True
                _log.warning("%d requests are in flight, further ones are dropped", _MAX_INFLIGHT)
    finally:
        for task in inflight:
            task.cancel()
        if inflight:
            await asyncio.wait(inflight)


class EndpointSender:
    """Sends requests to the instances of an endpoint."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ready(self) -> None:
        """Wait until there is one."""
        await self._client.wait_for_instances()

    async def send(self, arrival: Arrival) -> None:
        """Send a request, and read its answer."""
        try:
            answer = await self._client.generate(arrival.request)
            async for _ in answer:
                if arrival.disconnects:
                    await answer.aclose()
                    return
        except RequestError as error:
            _log.debug("a request failed: %s", error)
