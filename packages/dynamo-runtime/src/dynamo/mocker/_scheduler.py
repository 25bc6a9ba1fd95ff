"""Which sequences the engine computes in a step, and what comes of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from dynamo.mocker._blocks import BlockPool
from dynamo.mocker._cost import CostModel
from dynamo.mocker._sequence import NEVER, Sequence


@dataclass(frozen=True)
class Limits:
    """What the engine has, and what it takes on at once. The names are vLLM's."""

    num_gpu_blocks: int = 4096
    """Blocks of the KV cache."""
    block_size: int = 16
    """Tokens of a block."""
    max_model_len: int = 8192
    """Tokens of a sequence, prompt and output together."""
    max_num_seqs: int = 256
    """Sequences in a batch."""
    max_num_batched_tokens: int = 2048
    """Tokens that one step computes: its budget."""
    enable_prefix_caching: bool = True

    def __post_init__(self) -> None:
        """Raise ``ValueError`` if the cache is too small for one sequence."""
        tokens = self.num_gpu_blocks * self.block_size
        if tokens < self.max_model_len:
            raise ValueError(
                f"a KV cache of {self.num_gpu_blocks} blocks holds {tokens} tokens, fewer than one "
                f"sequence may have (max_model_len={self.max_model_len}): have more blocks, or "
                "lower max_model_len"
            )


class Share(NamedTuple):
    """What a step computes of one sequence."""

    sequence: Sequence
    tokens: int


@dataclass
class Step:
    """One step of the engine: what it was to do, and, once it is complete, what came of it."""

    began: float
    ends: float
    shares: list[Share]
    admitted: list[Sequence]
    """Those that were scheduled for the first time."""
    preempted: int
    """How many had to give up their blocks."""
    prefill: int
    """Tokens of shares of more than one: prompts, and what is computed anew."""
    outputs: list[tuple[Sequence, int, float | None]] = field(default_factory=list)
    """Sequences with the token that each got, and when it had got the one before, if any."""


class Scheduler:
    """A continuously batching engine as vLLM's V1 is one, without a model and without a clock.

    ``begin`` chooses a batch and says when it will be done, ``complete`` at that time moves the
    sequences on. Nothing here waits, reads a clock or draws a number: the same calls give the same
    steps. Sequences that run go first, in the order in which they were admitted, then those that
    wait. When the cache is full, the one admitted last is preempted: its blocks are freed, and it
    is computed anew, what it has generated included, when there is room.
    """

    def __init__(self, limits: Limits, cost: CostModel) -> None:
        self.limits = limits
        self.cost = cost
        self.pool = BlockPool(limits.num_gpu_blocks, limits.block_size)
        self.now = 0.0
        """The time up to which everything has happened, in seconds of any clock."""
        self.running: list[Sequence] = []
        self.waiting: deque[Sequence] = deque()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self.running and not self.waiting

    def add(self, sequence: Sequence) -> None:
        """Take a request. Raises ``ValueError`` for one that cannot ever be computed."""
        longest = self.limits.max_model_len
        if not 0 < sequence.prompt < longest:
            raise ValueError(
                f"a prompt of {sequence.prompt} tokens cannot be answered: it must have 1 to "
                f"{longest - 1}, one less than the longest sequence (max_model_len)"
            )
        sequence.limit = min(sequence.limit, longest - sequence.prompt)
        if sequence.limit < 1 or not sequence.output:
            raise ValueError("an answer has no tokens: it must have one at least")
        self.waiting.append(sequence)

    def abort(self, sequence: Sequence, now: float) -> bool:
        """Give up a request and free its blocks; returns False if it had finished."""
        if sequence.finish_reason is not None:
            return False
        sequence.abort(now)
        (self.running if sequence.blocks else self.waiting).remove(sequence)
        self._release(sequence)
        return True

    def begin(self) -> Step | None:
        """Choose what the next step computes, from ``now`` on; None if there is nothing."""
        if not self.running:
            if not self.waiting:
                return None
            self.now = max(self.now, self.waiting[0].arrived)
        budget = self.limits.max_num_batched_tokens
        shares, preempted = self._continue_running(budget)
        budget -= sum(share.tokens for share in shares)
        admitted = [] if preempted else self._admit(budget, shares)
        decodes = [sequence for sequence, tokens in shares if tokens == 1]
        prefill = sum(tokens for _, tokens in shares) - len(decodes)
        seconds = self.cost.seconds(
            prefill, len(decodes), sum(len(sequence.tokens) for sequence in decodes)
        )
        return Step(self.now, self.now + seconds, shares, admitted, preempted, prefill)

    def complete(self, step: Step) -> None:
        """Let the step end: sequences whose tokens are all computed get their next one."""
        now = self.now = step.ends
        finished = False
        for sequence, tokens in step.shares:
            if sequence.finish_reason is not None:
                continue  # aborted meanwhile
            before = sequence.computed
            sequence.computed = before + tokens
            self._publish(sequence, before)
            if sequence.computed == len(sequence.tokens):
                last = sequence.last_token if sequence.generated else None
                step.outputs.append((sequence, sequence.generate(now), last))
                if sequence.finish_reason is not None:
                    finished = True
                    self._release(sequence)
        if finished:
            self.running = [one for one in self.running if one.finish_reason is None]

    def _continue_running(self, budget: int) -> tuple[list[Share], int]:
        shares: list[Share] = []
        preempted = 0
        running = self.running
        place = 0
        while place < len(running) and budget > 0:
            sequence = running[place]
            tokens = min(len(sequence.tokens) - sequence.computed, budget)
            while not self._make_room(sequence, tokens):
                victim = running.pop()
                self._preempt(victim)
                preempted += 1
                if victim is sequence:
                    return shares, preempted
            shares.append(Share(sequence, tokens))
            budget -= tokens
            place += 1
        return shares, preempted

    def _admit(self, budget: int, shares: list[Share]) -> list[Sequence]:
        admitted = []
        pool, size, waiting = self.pool, self.limits.block_size, self.waiting
        while waiting and budget > 0 and len(self.running) < self.limits.max_num_seqs:
            sequence = waiting[0]
            if sequence.arrived > self.now:
                break
            total = len(sequence.tokens)
            shared: list[int] = []
            if self.limits.enable_prefix_caching:
                # One token is left to compute: the next one comes of it.
                shared = pool.find(sequence.keys((total - 1) // size, size))
            found = len(shared) * size
            tokens = min(total - found, budget)
            blocks = pool.take(shared, -(-(found + tokens) // size) - len(shared))
            if blocks is None:
                break
            waiting.popleft()
            sequence.blocks = blocks
            sequence.computed = found
            if sequence.scheduled == NEVER:
                sequence.scheduled = self.now
                sequence.cached = found
                admitted.append(sequence)
            self.running.append(sequence)
            shares.append(Share(sequence, tokens))
            budget -= tokens
        return admitted

    def _make_room(self, sequence: Sequence, tokens: int) -> bool:
        needed = -(-(sequence.computed + tokens) // self.limits.block_size) - len(sequence.blocks)
        if needed <= 0:
            return True
        blocks = self.pool.take((), needed)
        if blocks is None:
            return False
        sequence.blocks += blocks
        return True

    def _preempt(self, sequence: Sequence) -> None:
        self._release(sequence)
        sequence.computed = 0
        sequence.preemptions += 1
        self.waiting.appendleft(sequence)

    def _publish(self, sequence: Sequence, before: int) -> None:
        """Let the blocks be found that have become full."""
        size = self.limits.block_size
        first, last = before // size, sequence.computed // size
        if first != last and self.limits.enable_prefix_caching:
            keys = sequence.keys(last, size)
            for place in range(first, last):
                self.pool.publish(sequence.blocks[place], keys[place])

    def _release(self, sequence: Sequence) -> None:
        self.pool.release(sequence.blocks)
        sequence.blocks = []
