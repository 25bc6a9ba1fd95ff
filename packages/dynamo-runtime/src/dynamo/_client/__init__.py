"""Sending requests to an endpoint.

``client`` is the ``Client``, ``routing`` the order in which it tries instances, ``stream`` the
answer as it arrives, ``annotated`` items as Dynamo's own bindings give them.
"""

from dynamo._client.client import Client, open_client
from dynamo._client.stream import ResponseStream

__all__ = ["Client", "ResponseStream", "open_client"]
