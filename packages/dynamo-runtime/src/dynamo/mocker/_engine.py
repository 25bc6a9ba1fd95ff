"""The engine in an event loop: requests come in, steps take their time, tokens go out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from collections.abc import Sequence as Tokens
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from dynamo.mocker._model import Model
from dynamo.mocker._scheduler import Scheduler, Step
from dynamo.mocker._sequence import FinishReason, Sequence

if TYPE_CHECKING:
    from typing_extensions import Self

_MAX_LAG = 0.05
"""Seconds of delay that the engine catches up with; the rest is lost."""
_MAX_STEPS = 16
"""Steps that are completed before other tasks run."""


@dataclass(frozen=True)
class Options:
    """The options of a request."""

    max_tokens: int | None = None
    """Tokens of the answer at most; None leaves it to the longest sequence there may be."""
    min_tokens: int = 0
    ignore_eos: bool = False
    """Go on to the limit."""


class Observer(Protocol):
    """Observes the events of the engine."""

    def stepped(self, scheduler: Scheduler, step: Step) -> None:
        """Observe a complete step."""

    def aborted(self, scheduler: Scheduler, sequence: Sequence) -> None:
        """Observe a request that was aborted."""


class Engine:
    """Answers requests at the pace of a scheduler whose steps take real time."""

    def __init__(self, scheduler: Scheduler, model: Model, observer: Observer) -> None:
        self._scheduler = scheduler
        self._model = model
        self._observer = observer
        self._numbers = itertools.count()
        self._answers: dict[Sequence, Answer] = {}
        self._step: Step | None = None
        self._work = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            delay = self._advance(monotonic())
            if delay is None:
                self._work.clear()
                await self._work.wait()
            else:
                await asyncio.sleep(delay)

    def submit(self, prompt: Tokens[int], options: Options) -> Answer:
        """Take a request, and return its answer, which has begun to come.

        Raises ``ValueError`` for a request that cannot be answered.
        """
        limit = max(0, self._scheduler.limits.max_model_len - len(prompt))
        if options.max_tokens is not None:
            limit = min(limit, options.max_tokens)
        output = self._model.answer(
            next(self._numbers), limit, shortest=options.min_tokens, endless=options.ignore_eos
        )
        sequence = Sequence(prompt, output, limit, monotonic())
        self._scheduler.add(sequence)
        answer = self._answers[sequence] = Answer(sequence, self._abort)
        self._work.set()
        return answer

    def _abort(self, sequence: Sequence) -> None:
        if self._scheduler.abort(sequence, monotonic()):
            del self._answers[sequence]
            self._observer.aborted(self._scheduler, sequence)

    def _advance(self, clock: float) -> float | None:
        """Do the steps that are due; return the seconds to the next one, None if there is none."""
        scheduler = self._scheduler
        for _ in range(_MAX_STEPS):
            if self._step is None:
                scheduler.now = max(scheduler.now, clock - _MAX_LAG)
                self._step = scheduler.begin()
                if self._step is None:
                    return None
            wait = self._step.ends - clock
            if wait > 0:
                return wait
            self._complete(self._step)
            self._step = None
        return 0.0

    def _complete(self, step: Step) -> None:
        self._scheduler.complete(step)
        self._observer.stepped(self._scheduler, step)
        answers = self._answers
        for sequence, token, _ in step.outputs:
            answers[sequence].put(token)
            if sequence.finish_reason is not None:
                del answers[sequence]


class Answer:
    """The answer to one request: an iterator of its tokens as they come.

    Each item is a list of tokens, and with the last ones the reason why the answer ends. Tokens for
    which the reader was too slow come together, as they do from vLLM.
    """

    __slots__ = ("_give_up", "_sequence", "_tokens", "_waiter")

    def __init__(self, sequence: Sequence, give_up: Callable[[Sequence], None]) -> None:
        self._sequence = sequence
        self._give_up = give_up
        self._tokens: list[int] = []
        self._waiter: asyncio.Future[None] | None = None

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompt."""
        return self._sequence.prompt

    @property
    def cached_tokens(self) -> int:
        """Tokens of the prompt that were in the cache. Known with the first token."""
        return self._sequence.cached

    def put(self, token: int) -> None:
        """Add a token."""
        self._tokens.append(token)
        self._wake()

    def abort(self) -> None:
        """Give up the request, if it has not finished: its blocks are free at once."""
        self._give_up(self._sequence)
        self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[list[int], FinishReason | None]:
        if not self._tokens:
            if self._sequence.finish_reason is not None:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        tokens, self._tokens = self._tokens, []
        return tokens, self._sequence.finish_reason

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
