from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamo.mocker._cost import CostModel
from tests.support.simulation import Simulation

Settings = dict[str, int | bool]
Request = tuple[list[int], list[int], int]
"""Prompt, output, limit."""

SMALL: Settings = {"num_gpu_blocks": 8, "block_size": 4, "max_model_len": 32}

# Few different tokens, so that prefixes are shared often.
prompts = st.lists(st.integers(0, 1), min_size=1, max_size=24)
outputs = st.lists(st.integers(0, 1), min_size=1, max_size=12)
requests = st.tuples(prompts, outputs, st.integers(1, 12))
limits = st.fixed_dictionaries(
    {
        "num_gpu_blocks": st.integers(8, 12),
        "block_size": st.just(4),
        "max_model_len": st.just(32),
        "max_num_seqs": st.integers(1, 6),
        "max_num_batched_tokens": st.integers(1, 24),
        "enable_prefix_caching": st.booleans(),
    }
)
happenings = st.lists(
    st.one_of(
        requests,  # a request comes
        st.just("step"),
        st.integers(0, 20),  # the request of that number is given up between two steps
        st.tuples(st.just("during"), st.integers(0, 20)),  # or while a step runs
    ),
    max_size=60,
)


@given(limits, happenings)
def test_blocks_never_leak_and_are_never_over_committed(
    limits: Settings, happenings: list[Any]
) -> None:
    simulation = Simulation(**limits)
    for happening in happenings:
        step = None
        match happening:
            case "step":
                simulation.step()
                continue
            case ("during", number):
                step = simulation.begin()
            case int(number):
                pass
            case (prompt, output, limit):
                simulation.add(prompt, output, limit)
                continue
        if number < len(simulation.taken):
            simulation.abort(simulation.taken[number])
        if step is not None:
            simulation.complete(step)
    simulation.run()
    assert simulation.scheduler.idle
    assert simulation.scheduler.pool.free == limits["num_gpu_blocks"]


def simulated(limits: Settings, requests: list[Request]) -> Simulation:
    """All requests at once, to their end."""
    simulation = Simulation(**limits)
    for prompt, output, limit in requests:
        simulation.add(prompt, output, limit)
    simulation.run()
    return simulation


@given(limits, st.lists(requests, max_size=12))
def test_every_request_gets_its_tokens_once_and_in_order_preempted_or_not(
    limits: Settings, requests: list[Request]
) -> None:
    simulation = simulated(limits, requests)
    for sequence, (prompt, output, most) in zip(simulation.taken, requests, strict=True):
        limit = min(most, simulation.limits.max_model_len - len(prompt))
        assert simulation.tokens_of(sequence) == output[:limit]
        assert sequence.tokens == prompt + output[:limit]
        assert sequence.finish_reason == ("stop" if len(output) <= limit else "length")


@given(limits, st.lists(requests, max_size=12))
def test_what_is_not_found_in_the_cache_is_computed_once_unless_preempted(
    limits: Settings, requests: list[Request]
) -> None:
    simulation = simulated(limits, requests)
    for sequence in simulation.taken:
        # The last token is given out, and needs no computing.
        once = len(sequence.tokens) - 1 - sequence.cached
        assert sequence.preemptions or simulation.computed[sequence] == once


@given(limits, st.lists(requests, max_size=12))
def test_steps_count_every_admission_and_every_preemption(
    limits: Settings, requests: list[Request]
) -> None:
    simulation = simulated(limits, requests)
    admitted = [sequence for step in simulation.steps for sequence in step.admitted]
    assert sorted(map(id, admitted)) == sorted(map(id, simulation.taken))
    counted = sum(step.preempted for step in simulation.steps)
    assert counted == sum(sequence.preemptions for sequence in simulation.taken)


@given(st.lists(st.tuples(prompts, outputs), max_size=10))
def test_prefix_hits_are_the_longest_beginning_computed_before(
    requests: list[tuple[list[int], list[int]]],
) -> None:
    simulation = Simulation(num_gpu_blocks=200, block_size=4, max_model_len=64)
    computed: list[list[int]] = []
    for prompt, output in requests:
        sequence = simulation.add(prompt, output)
        simulation.run()
        # Full blocks only, and one token of the prompt is left to compute.
        most = (len(prompt) - 1) // 4
        hits = [
            blocks
            for earlier in computed
            for blocks in range(most + 1)
            if blocks * 4 <= len(earlier) and earlier[: blocks * 4] == prompt[: blocks * 4]
        ]
        assert sequence.cached == 4 * max(hits, default=0)
        computed.append(sequence.tokens[:-1])


@given(st.lists(requests, max_size=10))
def test_without_prefix_caching_nothing_is_found(requests: list[Request]) -> None:
    simulation = Simulation(enable_prefix_caching=False, **SMALL)
    for prompt, output, limit in requests:
        simulation.add(prompt, output, limit)
    simulation.run()
    assert [sequence.cached for sequence in simulation.taken] == [0] * len(requests)


def test_the_last_one_admitted_is_preempted_when_the_cache_is_full_and_finishes_later() -> None:
    simulation = Simulation(**SMALL)
    first = simulation.add([1] * 12, range(20))
    second = simulation.add([2] * 12, range(20))
    simulation.run()
    assert (first.preemptions, second.preemptions) == (0, 1)
    assert first.finished < second.finished
    assert simulation.tokens_of(second) == list(range(20))


def test_a_preempted_request_goes_before_those_that_wait() -> None:
    simulation = Simulation(max_num_seqs=2, **SMALL)
    _, second, third = [simulation.add([token] * 12, range(12)) for token in range(3)]
    while not simulation.step().preempted:
        assert second.finish_reason is None
    assert list(simulation.scheduler.waiting) == [second, third]


def test_a_preempted_request_finds_its_own_blocks_that_nobody_needed() -> None:
    simulation = Simulation(**SMALL)
    simulation.add([1] * 12, range(8))
    second = simulation.add([2] * 16, range(8))
    simulation.run()
    assert second.preemptions == 1
    assert second.cached == 0, "what it found later is no hit of its prompt"
    assert simulation.computed[second] < 2 * 16 + 8 - 1


def test_a_long_prompt_is_computed_in_chunks_of_what_the_budget_leaves() -> None:
    simulation = Simulation(max_num_batched_tokens=8, **SMALL)
    simulation.add([1], range(10))
    simulation.step()
    simulation.add([2] * 20)
    shares = [[share.tokens for share in simulation.step().shares] for _ in range(3)]
    assert shares == [[1, 7], [1, 7], [1, 6]]


def test_requests_are_admitted_in_the_order_in_which_they_came() -> None:
    simulation = Simulation(max_num_seqs=2, **SMALL)
    sequences = [simulation.add([token] * 2, [7] * (token + 1)) for token in range(5)]
    simulation.run()
    admitted = [sequence for step in simulation.steps for sequence in step.admitted]
    assert admitted == sequences


def test_a_request_of_the_future_is_admitted_when_its_time_comes() -> None:
    simulation = Simulation(CostModel(step=1.0, prefill=0, sequence=0, context=0), **SMALL)
    simulation.add([1], range(5))
    later = simulation.add([2])
    later.arrived = 2.5
    simulation.run()
    assert (later.scheduled, later.first_token) == (3.0, 4.0)


def test_an_idle_engine_goes_on_when_the_next_request_comes() -> None:
    simulation = Simulation(**SMALL)
    sequence = simulation.add([1])
    sequence.arrived = 100.0
    step = simulation.step()
    assert step.began == sequence.scheduled == 100.0


def test_a_step_takes_what_the_cost_model_says_of_its_batch() -> None:
    cost = CostModel(step=1000, prefill=100, sequence=10, context=1, speedup=2)
    simulation = Simulation(cost, **SMALL)
    simulation.add([1] * 6, range(4))
    first = simulation.step()
    simulation.add([2] * 3, range(4))
    second = simulation.step()
    assert first.ends - first.began == (1000 + 6 * 100) / 2
    # Three tokens of the new prompt; one sequence that decodes and has seven tokens.
    assert second.ends - second.began == (1000 + 3 * 100 + 10 + 7) / 2


def test_times_of_a_request_are_those_of_the_steps() -> None:
    simulation = Simulation(CostModel(step=1.0, prefill=0, sequence=0, context=0), **SMALL)
    sequence = simulation.add([1] * 6, range(4))
    simulation.run()
    assert (sequence.scheduled, sequence.first_token) == (0.0, 1.0)
    assert sequence.last_token == sequence.finished == 4.0
    assert [last for step in simulation.steps for *_, last in step.outputs] == [None, 1.0, 2.0, 3.0]


def test_a_request_given_up_while_its_step_runs_gets_no_token() -> None:
    simulation = Simulation(**SMALL)
    sequence = simulation.add([1] * 6)
    step = simulation.begin()
    assert simulation.abort(sequence)
    simulation.complete(step)
    assert step.outputs == []
    assert sequence.finish_reason == "abort"
    assert simulation.scheduler.pool.usage == 0


def test_a_request_that_has_finished_cannot_be_given_up() -> None:
    simulation = Simulation(**SMALL)
    sequence = simulation.add([1] * 6)
    simulation.run()
    assert not simulation.abort(sequence)
    assert sequence.finish_reason == "stop"


def test_an_answer_ends_where_the_longest_sequence_does() -> None:
    simulation = Simulation(**SMALL)
    sequence = simulation.add([1] * 30, range(20))
    simulation.run()
    assert (simulation.tokens_of(sequence), sequence.finish_reason) == ([0, 1], "length")


@pytest.mark.parametrize("tokens", [0, 32, 1000])
def test_a_prompt_that_cannot_be_answered_is_refused(tokens: int) -> None:
    simulation = Simulation(**SMALL)
    with pytest.raises(ValueError, match=rf"^a prompt of {tokens} tokens .* 1 to 31, "):
        simulation.add([1] * tokens)


def test_a_cache_too_small_for_one_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a KV cache of 7 blocks holds 28 tokens, fewer than "):
        Simulation(num_gpu_blocks=7, block_size=4, max_model_len=32)
