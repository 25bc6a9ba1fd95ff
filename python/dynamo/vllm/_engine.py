"""vLLM's engine: from its start to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from multiprocessing import resource_tracker
from typing import NoReturn

from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.metrics.loggers import AggregateStatLoggerBase

_LOOK = 0.5
"""Seconds between looks at the engine."""


class EngineStartError(Exception):
    """vLLM did not start."""


class EngineDiedError(Exception):
    """The engine was there, and is no more."""


async def start(arguments: AsyncEngineArgs, stat_logger: type[AggregateStatLoggerBase]) -> AsyncLLM:
    """Start an engine, which may take minutes, beside the event loop.

    Raises ``EngineStartError`` if vLLM cannot load the model.
    """
    loop = asyncio.get_running_loop()
    started: asyncio.Future[AsyncLLM] = loop.create_future()

    def settle(engine: AsyncLLM | None, error: BaseException | None) -> None:
        if started.done():
            return
        if engine is not None:
            started.set_result(engine)
        else:
            started.set_exception(error)

    def load() -> None:
        engine, error = None, None
        try:
            engine = _load(arguments, stat_logger)
        except BaseException as raised:  # whoever waits hears of it
            error = raised
        loop.call_soon_threadsafe(settle, engine, error)

    # A thread of its own, and not one of the loop's: the end of the loop would wait for those.
    threading.Thread(target=load, name="dynamo-vllm-load", daemon=True).start()
    try:
        return await started
    except (OSError, ValueError, RuntimeError) as error:
        raise EngineStartError(
            f"vLLM cannot start with --model {arguments.model}: {_line(error)}"
        ) from error


def _load(arguments: AsyncEngineArgs, stat_logger: type[AggregateStatLoggerBase]) -> AsyncLLM:
    # This process has threads, which a fork would leave behind with their locks held.
    os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
    # Ctrl-C is for the worker, which lets running requests finish: the engine's processes inherit
    # that SIGINT is held back here, as far as multiprocessing has a resource tracker already.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return AsyncLLM.from_engine_args(arguments, stat_loggers=[stat_logger])


async def death(engine: AsyncLLM) -> NoReturn:
    """Wait until the engine has died, which raises ``EngineDiedError``."""
    while True:
        await asyncio.sleep(_LOOK)
        try:
            await engine.check_health()
        except EngineDeadError:
            raise EngineDiedError(
                "vLLM's engine has died: what it has logged before says why"
            ) from None


def _line(error: BaseException) -> str:
    """Return what an error says in one line; pydantic begins with one about itself."""
    details = getattr(error, "errors", None)
    text = details()[0]["msg"] if callable(details) else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
