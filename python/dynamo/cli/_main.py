"""Where the command starts. Nothing here needs the packages that it may find missing."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``dynamo-metrics`` with the arguments of this process, and end it."""
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError as error:
        extras = "[cli,nats,dashboards]"
        sys.exit(
            f"dynamo-metrics needs {error.name}: pip install 'dynamo-runtime{extras}', or "
            f"'.{extras}' in a checkout; nats is for sd and ls"
        )
    from dynamo.cli._commands import app

    app()
