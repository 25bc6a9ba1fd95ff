"""The mocker's scheduler, driven by hand: its clock is the end of the last step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dynamo.mocker._cost import CostModel
from dynamo.mocker._scheduler import Limits, Scheduler, Step
from dynamo.mocker._sequence import Sequence

FOREVER = 5_000
"""Steps within which everything that tests ask for must be done."""


class Simulation:
    """A scheduler and all that happened in it, checked after every step."""

    def __init__(self, cost: CostModel | None = None, **limits: int | bool) -> None:
        self.limits = Limits(**limits)  # type: ignore[arg-type]
        self.scheduler = Scheduler(self.limits, cost or CostModel())
        self.steps: list[Step] = []
        self.taken: list[Sequence] = []
        self.computed: Counter[Sequence] = Counter()
        """How many tokens the steps have computed of each sequence."""

    def add(
        self, prompt: Iterable[int], output: Iterable[int] = (1,), limit: int = FOREVER
    ) -> Sequence:
        """Takes a request that arrives now."""
        sequence = Sequence(list(prompt), list(output), limit, self.scheduler.now)
        self.scheduler.add(sequence)
        self.taken.append(sequence)
        return sequence

    def abort(self, sequence: Sequence) -> bool:
        """Gives up a request now."""
        done = self.scheduler.abort(sequence, self.scheduler.now)
        self.check()
        return done

    def begin(self) -> Step | None:
        """Begins a step."""
        step = self.scheduler.begin()
        self.check()
        if step is not None:
            self.steps.append(step)
            assert step.shares, "a step does something"
            assert all(share.tokens > 0 for share in step.shares)
            assert sum(share.tokens for share in step.shares) <= self.limits.max_num_batched_tokens
            for sequence, tokens in step.shares:
                self.computed[sequence] += tokens
        return step

    def complete(self, step: Step) -> None:
        """Ends a step."""
        self.scheduler.complete(step)
        self.check()

    def step(self) -> Step | None:
        """Begins a step and ends it."""
        step = self.begin()
        if step is not None:
            self.complete(step)
        return step

    def run(self) -> None:
        """Goes on until there is nothing to do, which must come."""
        for _ in range(FOREVER):
            if self.step() is None:
                return
        raise AssertionError(f"not done within {FOREVER} steps")

    def tokens_of(self, sequence: Sequence) -> list[int]:
        """The tokens that the steps gave out for a sequence."""
        return [
            token for step in self.steps for owner, token, _ in step.outputs if owner is sequence
        ]

    def check(self) -> None:
        """What holds at any time: every block is either free or held by those who say so."""
        scheduler, limits = self.scheduler, self.limits
        assert len(scheduler.running) <= limits.max_num_seqs
        held: Counter[int] = Counter()
        for sequence in scheduler.running:
            assert sequence.finish_reason is None
            assert len(set(sequence.blocks)) == len(sequence.blocks)
            assert sequence.computed <= len(sequence.blocks) * limits.block_size
            assert sequence.computed <= len(sequence.tokens)
            assert len(sequence.blocks) <= -(-len(sequence.tokens) // limits.block_size)
            held.update(sequence.blocks)
        assert scheduler.pool.holders() == [held[block] for block in range(limits.num_gpu_blocks)]
        assert scheduler.pool.free == limits.num_gpu_blocks - len(held)
        others = [one for one in self.taken if one not in set(scheduler.running)]
        assert not any(sequence.blocks for sequence in others)
        unfinished = {one for one in self.taken if one.finish_reason is None}
        assert unfinished == {*scheduler.running, *scheduler.waiting}
