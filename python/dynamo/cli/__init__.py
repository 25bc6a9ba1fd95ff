"""The command ``dynamo-metrics``: a fleet of runtimes, seen from outside. Needs the extra ``cli``.

``dynamo-metrics sd`` tells Prometheus where they are, ``dynamo-metrics ls`` shows them, and
``dynamo-metrics dashboard`` makes a dashboard of what they show.
"""

from dynamo.cli._main import main

__all__ = ["main"]
