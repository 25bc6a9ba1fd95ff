"""The connection to NATS that the request plane and discovery of an event loop share.

``connection`` opens it once for each event loop and reopens it; ``options`` are its settings and
``credentials`` a file that they may name; ``subscription`` is how a part of the program listens;
``client`` is nats-py's client, which ``parser`` and ``transport`` make survive whatever servers and
other clients do; ``subjects`` writes names as parts of a subject and reads the status of a message.
nats-py is imported with the first connection.
"""

from dynamo._nats.connection import Connection
from dynamo._nats.subjects import is_no_responders, is_subject, token
from dynamo._nats.subscription import Subscription

__all__ = ["Connection", "Subscription", "is_no_responders", "is_subject", "token"]
