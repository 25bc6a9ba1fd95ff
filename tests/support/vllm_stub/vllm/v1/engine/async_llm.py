from __future__ import annotations

import asyncio
import itertools
import logging
import multiprocessing
import time
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from setproctitle import setproctitle

from vllm import SamplingParams, TokensPrompt
from vllm.config import ModelConfig, VllmConfig
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.metrics.families import Families
from vllm.v1.metrics.loggers import AggregateStatLoggerBase
from vllm.v1.metrics.stats import SchedulerStats

_BLOCKS = 512
_STEP = 0.005
_log = logging.getLogger("vllm")
_spawn = multiprocessing.get_context("spawn")


class CompletionOutput(NamedTuple):
    """What is new of an answer."""

    token_ids: list[int]
    text: str
    finish_reason: str | None


class RequestOutput(NamedTuple):
    """What is new of a request."""

    request_id: str
    outputs: list[CompletionOutput]
    finished: bool
    prompt_token_ids: list[int]
    num_cached_tokens: int | None = None


class Tokenizer:
    """Makes a token of each byte, and has the plainest chat template."""

    def apply_chat_template(
        self, conversation: list[dict[str, Any]], tokenize: bool, add_generation_prompt: bool
    ) -> str:
        """Return the prompt of a conversation."""
        assert not tokenize
        lines = [f"{message['role']}: {message['content']}\n" for message in conversation]
        return "".join([*lines, "assistant: " if add_generation_prompt else ""])

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        """Return the tokens of a text."""
        assert not add_special_tokens
        return list(text.encode())


class AsyncLLM:
    """An engine whose steps take 5 ms, and whose answers are as long as they may be."""

    def __init__(
        self, vllm_config: VllmConfig, stat_loggers: list[type[AggregateStatLoggerBase]]
    ) -> None:
        self.vllm_config = vllm_config
        self._core, ready = _start_core(vllm_config.model_config.model)
        if not ready:
            raise RuntimeError("Engine core initialization failed. See root cause above.")
        vllm_config.cache_config.num_gpu_blocks = _BLOCKS
        self._families = Families(vllm_config.model_config.served_model_name).children
        self._loggers = [logger(vllm_config, [0]) for logger in stat_loggers]
        for logger in self._loggers:
            logger.log_engine_initialized()
        self._running: dict[str, asyncio.Event] = {}
        self._hold = Path(vllm_config.model_config.model, "hold")
        self.output_handler: asyncio.Task[None] | None = None

    @classmethod
    def from_engine_args(
        cls,
        engine_args: AsyncEngineArgs,
        start_engine_loop: bool = True,
        usage_context: Any = None,
        stat_loggers: list[type[AggregateStatLoggerBase]] | None = None,
    ) -> AsyncLLM:
        """Start an engine; returns when it has loaded its model."""
        return cls(engine_args.create_engine_config(), stat_loggers or [])

    @property
    def model_config(self) -> ModelConfig:
        """What it knows of its model."""
        return self.vllm_config.model_config

    async def generate(
        self, prompt: str | TokensPrompt, sampling_params: SamplingParams, request_id: str
    ) -> AsyncGenerator[RequestOutput, None]:
        """Answer a request, a token a step; left early, it is aborted."""
        if not self._core.is_alive():
            raise EngineDeadError
        assert sampling_params.output_kind is RequestOutputKind.DELTA
        tokens, room = self._room_for(prompt)
        limit = min(sampling_params.max_tokens or room, room)
        if self.output_handler is None:
            self.output_handler = asyncio.create_task(self._handle_output())
        aborted = self._running[request_id] = asyncio.Event()
        self._step()
        self._count("vllm:prompt_tokens", len(tokens))
        try:
            for number in itertools.count(1):
                await asyncio.sleep(_STEP)
                while number > 1 and self._is_held() and not aborted.is_set():
                    await asyncio.sleep(_STEP)
                if not self._core.is_alive():
                    raise EngineDeadError
                self._count("vllm:generation_tokens")
                reason = "abort" if aborted.is_set() else "length" if number == limit else None
                new = CompletionOutput([number], f"w{number} ", reason)
                if reason == "length":
                    self._count("vllm:request_success", 1, reason)
                yield RequestOutput(request_id, [new], reason is not None, tokens, 0)
                if reason:
                    return
        finally:
            del self._running[request_id]
            self._step()

    def get_tokenizer(self) -> Tokenizer:
        """Return the tokenizer of the model."""
        return Tokenizer()

    async def abort(self, request_id: str | Iterable[str], internal: bool = False) -> None:
        """Give up a request, which then ends with what it has."""
        for name in [request_id] if isinstance(request_id, str) else request_id:
            if name in self._running:
                self._running[name].set()

    async def check_health(self) -> None:
        """Raise ``EngineDeadError`` if the engine is dead."""
        if not self._core.is_alive():
            raise EngineDeadError

    async def _handle_output(self) -> None:
        """Tell of the end of the engine's process, as the real one does in any case."""
        while self._core.is_alive():
            await asyncio.sleep(_STEP)
        _log.error("AsyncLLM output_handler failed.")

    def shutdown(self, timeout: float | None = None) -> None:
        """End the engine's processes."""
        self._core.terminate()
        self._core.join(timeout)

    def _room_for(self, prompt: str | TokensPrompt) -> tuple[list[int], int]:
        tokens = list(range(len(prompt))) if isinstance(prompt, str) else prompt["prompt_token_ids"]
        if not tokens:
            raise VLLMValidationError("The decoder prompt cannot be empty")
        for token in tokens:
            if token >= self.model_config.vocabulary:
                raise VLLMValidationError(f"Token id {token} is out of vocabulary")
        longest = self.model_config.max_model_len
        if len(tokens) >= longest:
            raise VLLMValidationError(
                f"This model's maximum context length is {longest} tokens. However, your prompt "
                f"contains {len(tokens)} input tokens."
            )
        return tokens, longest - len(tokens)

    def _is_held(self) -> bool:
        """Whether answers stop at their first token, for as long as the model's folder says so."""
        return self._hold.exists() and self._core.is_alive()

    def _step(self) -> None:
        running = len(self._running)
        self._families["vllm:num_requests_running", ""].set(running)
        for logger in self._loggers:
            logger.record(SchedulerStats(running / _BLOCKS), None)

    def _count(self, name: str, number: int = 1, label: str = "") -> None:
        self._families[name, label].inc(number)


def _start_core(model: str) -> tuple[Any, bool]:
    """Start the engine's process; returns it, and whether it has loaded the model."""
    here, there = _spawn.Pipe()
    core = _spawn.Process(target=_core, args=(there, model), name="EngineCore")
    core.start()
    there.close()
    try:
        return core, bool(here.recv())
    except EOFError:
        return core, False


def _core(parent: Any, model: str) -> None:
    """Outlive the parent, as the real one does, with a process of its own that does so too."""
    setproctitle("VLLM::EngineCore")
    worker = _spawn.Process(target=_work, args=(parent, model), name="VllmWorker-0")
    worker.start()
    parent.close()
    worker.join()


def _work(parent: Any, model: str) -> None:
    setproctitle("VLLM::Worker")
    parent.send(_load(model))
    parent.close()
    while True:
        time.sleep(60)


def _load(model: str) -> bool:
    """Load the model, for ever if its folder says so."""
    if Path(model, "broken").exists():
        raise ValueError("the weights cannot be read")
    while Path(model, "endless").exists():
        time.sleep(0.05)
    return True
