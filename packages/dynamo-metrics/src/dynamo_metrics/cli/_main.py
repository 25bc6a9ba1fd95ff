"""Where the command starts. Nothing here needs the packages that it may find missing."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``dynamo-metrics`` with the arguments of this process, and end it."""
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError as error:
        sys.exit(
            f"dynamo-metrics needs {error.name}: pip install 'dynamo-metrics[cli]', or "
            "'./packages/dynamo-metrics[cli]' in a checkout"
        )
    from dynamo_metrics.cli._commands import app

    app()
