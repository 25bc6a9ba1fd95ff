"""The command ``dynamo-metrics``: a fleet of runtimes, seen from outside. Needs the extra ``cli``.

``dynamo-metrics sd`` tells Prometheus where they are, ``dynamo-metrics ls`` shows them.
"""

from dynamo.cli._main import main

__all__ = ["main"]
