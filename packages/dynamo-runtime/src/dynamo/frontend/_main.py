"""The command, from its arguments to its exit code."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec

from dynamo.frontend._arguments import parse

_NEEDED = ("pydantic", "starlette", "uvicorn")


def main() -> None:
    """Run a frontend as the command line of this process says, until SIGINT or SIGTERM.

    What cannot be followed ends the process, with one line on stderr: an argument with 2, a setting
    of the environment, a port, a server or a missing package with 1.
    """
    try:
        settings = parse()
        missing = [name for name in _NEEDED if find_spec(name) is None]
        if missing:
            sys.exit(
                f"dynamo.frontend needs {' and '.join(missing)}: pip install "
                "'dynamo-runtime[frontend]', or './packages/dynamo-runtime[frontend]' in a checkout"
            )
        from dynamo.frontend._server import serve
        from dynamo.runtime import DistributedRuntime

        async def run() -> None:
            # Its metrics are on the port of the API: a status server would show them twice.
            async with DistributedRuntime(port=-1) as runtime:
                await serve(runtime, settings)

        asyncio.run(run())
    except (OSError, ValueError, ImportError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:  # before there was anything to stop
        sys.exit(130)
