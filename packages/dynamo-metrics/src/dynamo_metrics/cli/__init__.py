"""The command ``dynamo-metrics``. Needs the extra ``cli``.

``dynamo-metrics dashboard`` makes a dashboard of what a process exposes. Other packages add
commands through the entry-point group ``dynamo_metrics.commands``: ``dynamo-runtime`` adds ``sd``
and ``ls``.
"""

from dynamo_metrics.cli._main import main

__all__ = ["main"]
