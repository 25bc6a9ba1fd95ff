"""One request inside the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence as Tokens
from typing import Literal

from dynamo.mocker._blocks import ROOT, block_key

FinishReason = Literal["stop", "length", "abort"]

NEVER = math.inf
"""The time of an event that has not happened yet."""


class Sequence:
    """The tokens of a request, where they are in the cache, and when things happened to it.

    Times are seconds of the scheduler's clock.
    """

    __slots__ = (
        "_keys",
        "arrived",
        "blocks",
        "cached",
        "computed",
        "finish_reason",
        "finished",
        "first_token",
        "last_token",
        "limit",
        "output",
        "preemptions",
        "prompt",
        "scheduled",
        "tokens",
    )

    def __init__(
        self,
        prompt: Tokens[int],
        output: Tokens[int],
        limit: int,
        arrived: float = 0.0,
    ) -> None:
        """Take a request that arrived at that time.

        ``output`` is what the model has to say to ``prompt``; it is cut off after ``limit`` tokens.
        """
        self.prompt = len(prompt)
        self.output = output
        self.limit = limit
        self.arrived = arrived
        self.tokens = list(prompt)
        """The prompt and what was generated so far."""
        self.computed = 0
        """How many of the tokens are in the cache."""
        self.blocks: list[int] = []
        self.cached = 0
        """Prompt tokens that were found in the cache when the request was first scheduled."""
        self.preemptions = 0
        self.scheduled = NEVER
        self.first_token = NEVER
        self.last_token = NEVER
        self.finished = NEVER
        self.finish_reason: FinishReason | None = None
        self._keys: list[int] = []

    @property
    def generated(self) -> int:
        """How many tokens were generated so far."""
        return len(self.tokens) - self.prompt

    def keys(self, blocks: int, size: int) -> list[int]:
        """Return the keys of the first ``blocks`` blocks of ``size`` tokens, all of them full."""
        keys = self._keys
        while len(keys) < blocks:
            start = len(keys) * size
            parent = keys[-1] if keys else ROOT
            keys.append(block_key(parent, self.tokens[start : start + size]))
        return keys[:blocks]

    def generate(self, now: float) -> int:
        """Append the next token of the output, and finish if it is the last; returns it."""
        token = self.output[self.generated]
        self.tokens.append(token)
        self.last_token = now
        if self.first_token == NEVER:
            self.first_token = now
        generated = self.generated
        if generated == len(self.output):
            self._finish("stop", now)
        elif generated == self.limit:
            self._finish("length", now)
        return token

    def abort(self, now: float) -> None:
        """Finish because the request was cancelled."""
        self._finish("abort", now)

    def _finish(self, reason: FinishReason, now: float) -> None:
        self.finished = now
        self.finish_reason = reason
