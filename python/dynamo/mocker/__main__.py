"""``python -m dynamo.mocker``."""

from __future__ import annotations

import asyncio
import sys

from dynamo.mocker._arguments import parse
from dynamo.mocker._worker import run


def main() -> None:
    """Run a worker as the command line says."""
    settings = parse()
    try:
        asyncio.run(run(settings))
    except (OSError, ValueError, ImportError) as error:  # a setting, a port, NATS or nats-py
        sys.exit(str(error))
    except KeyboardInterrupt:  # before there was anything to stop
        sys.exit(130)


if __name__ == "__main__":
    main()
