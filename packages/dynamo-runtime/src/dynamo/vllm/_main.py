"""The command, from its arguments to its exit code."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynamo._engines.handlers import Wrap


def main(wrap: Wrap | None = None) -> None:
    """Run a worker as the command line of this process says, until SIGINT or SIGTERM.

    ``wrap`` is that of ``serve``. What cannot be followed ends the process, with one line on
    stderr: an argument with 2; with 1 a setting of the environment, a port, a server, a model that
    vLLM cannot load, an engine that dies, and a missing vLLM.
    """
    if find_spec("vllm") is None:
        sys.exit(
            "dynamo.vllm needs vllm: pip install 'dynamo-runtime[vllm]', or "
            "'./packages/dynamo-runtime[vllm]' in a checkout"
        )
    from dynamo.runtime import dynamo_worker
    from dynamo.vllm._arguments import parse
    from dynamo.vllm._engine import EngineDiedError, EngineStartError
    from dynamo.vllm._worker import serve

    settings = parse()
    try:
        asyncio.run(dynamo_worker()(serve)(settings, wrap))
    except (EngineStartError, EngineDiedError, OSError, ValueError, ImportError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        # A thread may be loading a model. Nothing can tell it to stop.
        sys.stdout.flush()
        os._exit(130)
