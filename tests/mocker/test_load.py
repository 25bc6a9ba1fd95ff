from __future__ import annotations

import itertools
import math
import statistics

from hypothesis import given
from hypothesis import strategies as st

from dynamo.mocker._load import Arrival, Load, arrivals


def some(load: Load, number: int = 5_000) -> list[Arrival]:
    return list(itertools.islice(arrivals(load), number))


def test_requests_come_as_a_poisson_stream() -> None:
    gaps = [arrival.after for arrival in some(Load(20.0))]
    assert math.isclose(statistics.mean(gaps), 1 / 20, rel_tol=0.05)
    # As spread out as they are long: what tells an exponential from even gaps.
    assert math.isclose(statistics.stdev(gaps), 1 / 20, rel_tol=0.05)


def test_lengths_are_log_normal() -> None:
    requests = [arrival.request for arrival in some(Load(1.0, prefix=0, prompt=100, answer=50))]
    for lengths, median in (
        ([len(request["token_ids"]) for request in requests], 100),
        ([request["max_tokens"] for request in requests], 50),
    ):
        logarithms = [math.log(length) for length in lengths]
        assert math.isclose(math.exp(statistics.mean(logarithms)), median, rel_tol=0.05)
        assert math.isclose(statistics.stdev(logarithms), 0.8, rel_tol=0.05)


def test_prompts_share_their_beginnings_some_more_than_others() -> None:
    load = Load(1.0, prefixes=4, prefix=64)
    begins = [tuple(arrival.request["token_ids"][:64]) for arrival in some(load)]
    counts = sorted((begins.count(prefix) for prefix in set(begins)), reverse=True)
    assert len(counts) == 4
    assert math.isclose(counts[0] / counts[3], 4, rel_tol=0.2)


def test_a_few_clients_leave_early() -> None:
    disconnecting = sum(arrival.disconnects for arrival in some(Load(1.0)))
    assert 25 < disconnecting < 100


def test_the_same_seed_gives_the_same_requests() -> None:
    assert some(Load(1.0, seed=3), 50) == some(Load(1.0, seed=3), 50)
    assert some(Load(1.0, seed=3), 50) != some(Load(1.0, seed=4), 50)


@given(
    longest=st.integers(2, 600),
    prompt=st.floats(0.1, 2_000),
    answer=st.floats(0.1, 2_000),
    prefixes=st.integers(1, 5),
    prefix=st.integers(0, 800),
)
def test_every_request_can_be_answered(
    longest: int, prompt: float, answer: float, prefixes: int, prefix: int
) -> None:
    load = Load(1.0, 0, prompt, longest, prefixes, prefix, answer)
    for arrival in some(load, 20):
        tokens, limit = len(arrival.request["token_ids"]), arrival.request["max_tokens"]
        assert tokens >= 1
        assert limit >= 1
        assert tokens + limit <= longest
