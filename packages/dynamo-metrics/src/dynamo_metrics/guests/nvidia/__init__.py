"""Our metrics on the status server of NVIDIA's Dynamo 1.x (``ai-dynamo-runtime``).

    metrics = dynamo_metrics.attach(runtime.endpoint("ns.comp.generate"), "ns.comp.generate")

The names that Dynamo itself exposes are in ``_names``, what it shows of ours is written by
``_exposition``, ``install()`` and the classes it changes are in ``_classes``.
"""

from dynamo_metrics.guests.nvidia._classes import install
from dynamo_metrics.guests.nvidia._exposition import attach

__all__ = ["attach", "install"]
