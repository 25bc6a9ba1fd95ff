"""The command ``dynamo-metrics``. Needs the extra ``cli``.

| command | job |
|---|---|
| ``top`` | shows the stats of running processes, as they change |
| ``check`` | says what is wrong with an exposition |
| ``dashboard`` | makes a dashboard of what a process exposes |

Other packages add commands through the entry-point group ``dynamo_metrics.commands``, and the
targets of ``top`` through ``dynamo_metrics.targets``: ``dynamo-runtime`` adds ``sd``, ``ls``, and
the runtimes in discovery.
"""

from dynamo_metrics.cli._main import main

__all__ = ["main"]
