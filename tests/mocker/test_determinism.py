"""The same seed gives the same simulation, in every process; another one gives another."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace

from dynamo.mocker._load import Load, arrivals
from dynamo.mocker._model import Model
from dynamo.mocker._sequence import Sequence
from tests.support.documents import ROOT
from tests.support.simulation import Simulation

Trace = list[tuple[float, int, list[tuple[int, float | None]]]]

LOAD = Load(100.0, prompt=40, prefix=32, answer=60, longest=512)


def trace(seed: int, requests: int = 150) -> Trace:
    """When the steps of a loaded engine ended, what they computed and what they gave out."""
    simulation = Simulation(num_gpu_blocks=128, max_model_len=512, max_num_seqs=32)
    model, due = Model(seed, 40.0), 0.0
    for number, arrival in enumerate(
        itertools.islice(arrivals(replace(LOAD, seed=seed)), requests)
    ):
        due += arrival.after
        prompt, limit = arrival.request["token_ids"], arrival.request["max_tokens"]
        simulation.scheduler.add(Sequence(prompt, model.answer(number, limit), limit, due))
    while (step := simulation.scheduler.begin()) is not None:
        simulation.scheduler.complete(step)
        simulation.steps.append(step)
    assert any(step.preempted for step in simulation.steps), "the load is no light one"
    assert sum(sequence.cached for step in simulation.steps for sequence in step.admitted)
    return [
        (
            step.ends,
            sum(tokens for _, tokens in step.shares),
            [(token, last) for _, token, last in step.outputs],
        )
        for step in simulation.steps
    ]


def test_the_same_seed_gives_the_same_trace() -> None:
    assert trace(7) == trace(7)


def test_another_seed_gives_another_trace() -> None:
    assert trace(7) != trace(8)


def test_a_trace_is_the_same_in_every_process() -> None:
    script = f"from {__name__} import trace; print(trace(7))"
    traces = [
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=50,
        ).stdout
        for seed in ("1", "2")
    ]
    assert traces[0] == traces[1]
    assert len(traces[0]) > 1000
