"""Who serves what, and where the status server of each runtime is.

``memory`` knows the runtimes of one event loop, ``nats`` those of a cluster, in a key-value bucket
of JetStream. ``DYN_DISCOVERY_BACKEND`` chooses, by default it is that of the request plane.
"""

from dynamo.discovery._backends import open_discovery
from dynamo.discovery._protocol import Discovery, Instance, Target, Watch

__all__ = ["Discovery", "Instance", "Target", "Watch", "open_discovery"]
