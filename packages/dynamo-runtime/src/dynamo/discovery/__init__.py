"""Which runtimes serve an endpoint, with which models, and where their status servers are.

``file`` knows the runtimes of one user on one host, by a directory; ``nats`` those of a cluster, in
a key-value bucket of JetStream; ``memory`` those of one event loop. ``DYN_DISCOVERY_BACKEND``
chooses; the default goes with the request plane.

Each backend is a folder of one shape: ``discovery`` registers and watches, ``store`` is where the
entries are. ``_backends`` is the table of backends, ``_protocol`` what each of them offers,
``_records`` what they store, ``_watch`` what a watch returns, ``_leases`` a watch whose entries
expire, and ``_lease_thread`` renews entries while an event loop is blocked.
"""

from dynamo.discovery._backends import open_discovery
from dynamo.discovery._protocol import Discovery
from dynamo.discovery._records import Instance, Model, Target
from dynamo.discovery._watch import ModelWatch, Watch

__all__ = ["Discovery", "Instance", "Model", "ModelWatch", "Target", "Watch", "open_discovery"]
