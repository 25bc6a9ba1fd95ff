"""The start, the health and the end of vLLM's engine."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from argparse import Namespace
from concurrent.futures import Future
from multiprocessing import resource_tracker
from typing import Any, NoReturn

from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.metrics.loggers import AggregateStatLoggerBase

_METHOD = "VLLM_WORKER_MULTIPROC_METHOD"
_CHECK_INTERVAL = 0.5
"""Seconds between checks of the engine."""


class EngineStartError(Exception):
    """vLLM did not start."""


class EngineDiedError(Exception):
    """The engine ended by itself."""


async def start(arguments: Namespace, stat_logger: type[AggregateStatLoggerBase]) -> AsyncLLM:
    """Start an engine, which may take minutes, in a thread.

    Raises ``EngineStartError`` if vLLM cannot load the model.
    """
    loading: Future[AsyncLLM] = Future()
    loading.set_running_or_notify_cancel()  # nothing can cancel it

    def load() -> None:
        try:
            loading.set_result(_load(arguments, stat_logger))
        except BaseException as error:  # raised again where the engine is awaited
            loading.set_exception(error)

    # A thread of its own, and not one of the loop's: the end of the loop would wait for those.
    threading.Thread(target=load, name="dynamo-vllm-load", daemon=True).start()
    try:
        return await asyncio.wrap_future(loading)
    except (OSError, ValueError, RuntimeError) as error:
        raise EngineStartError(
            f"vLLM cannot start with --model {arguments.model}: {_line(error)}"
        ) from error


def _load(arguments: Namespace, stat_logger: type[AggregateStatLoggerBase]) -> AsyncLLM:
    # This process has threads, which a fork would leave behind with their locks held; and it would
    # not show the guard's mark.
    method = os.environ.setdefault(_METHOD, "spawn")
    if method != "spawn":
        raise ValueError(f"{_METHOD}={method} does not work in a worker: use spawn, or unset it")
    # Ctrl-C is for the worker, which lets running requests finish: the engine's processes inherit
    # that SIGINT is held back here, as far as multiprocessing has a resource tracker already.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return AsyncLLM.from_engine_args(
        AsyncEngineArgs.from_cli_args(arguments), stat_loggers=[stat_logger]
    )


async def death(engine: AsyncLLM) -> NoReturn:
    """Wait until the engine has died, which raises ``EngineDiedError``."""
    while True:
        await asyncio.sleep(_CHECK_INTERVAL)
        await check(engine)


async def check(engine: AsyncLLM) -> None:
    """Raise ``EngineDiedError`` if the engine has died."""
    try:
        await engine.check_health()
    except EngineDeadError:
        raise EngineDiedError(
            "vLLM's engine has died: what it has logged before says why"
        ) from None


async def stop(engine: AsyncLLM) -> None:
    """Stop an engine and its processes, in a thread."""
    if engine.output_handler is not None:
        # It takes the end of the processes for their death, and logs that with a traceback.
        engine.output_handler.cancel()
    await asyncio.to_thread(engine.shutdown)


def _line(error: BaseException) -> str:
    """Return what an error says in one line; pydantic's begin with one about themselves."""
    errors = getattr(error, "errors", None)
    details: Any = errors() if callable(errors) else None
    text = details[0]["msg"] if details else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
