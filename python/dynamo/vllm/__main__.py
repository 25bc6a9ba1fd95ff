"""``python -m dynamo.vllm``."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.util import find_spec


def main() -> None:
    """Run a worker as the command line says."""
    if find_spec("vllm") is None:
        sys.exit(
            "dynamo.vllm needs vllm: pip install 'dynamo-runtime[vllm]', or '.[vllm]' in a checkout"
        )
    from dynamo.vllm._arguments import parse
    from dynamo.vllm._engine import EngineDiedError, EngineStartError
    from dynamo.vllm._worker import run

    settings = parse()
    try:
        asyncio.run(run(settings))
    except (EngineStartError, EngineDiedError, OSError, ValueError, ImportError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        # A thread may be loading a model. Nothing can tell it to stop.
        sys.stdout.flush()
        os._exit(130)


if __name__ == "__main__":  # not in the processes of the engine, which import this module
    main()
