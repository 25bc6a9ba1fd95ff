"""The command, from its arguments to its exit code."""

from __future__ import annotations

import asyncio
import sys

from dynamo._engines.handlers import Wrap
from dynamo.mocker._arguments import parse
from dynamo.mocker._worker import serve
from dynamo.runtime import dynamo_worker


def main(wrap: Wrap | None = None) -> None:
    """Run a worker as the command line of this process says, until SIGINT or SIGTERM.

    ``wrap`` is that of ``serve``. What cannot be followed ends the process, with one line on
    stderr: an argument with 2, a setting of the environment, a port or a server with 1.
    """
    settings = parse()
    try:
        asyncio.run(dynamo_worker()(serve)(settings, wrap))
    except (OSError, ValueError, ImportError) as error:  # a setting, a port, NATS or nats-py
        sys.exit(str(error))
    except KeyboardInterrupt:  # before there was anything to stop
        sys.exit(130)
