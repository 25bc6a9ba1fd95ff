"""What client and handler have in common: the ``Context`` of a request and its bytes.

``context`` is the identity of a request and whether it was stopped; ``codec`` writes requests and
items as JSON.
"""

from dynamo._requests.codec import decode, encode
from dynamo._requests.context import Context

__all__ = ["Context", "decode", "encode"]
