"""What client and handler have in common: the ``Context`` of a request and its bytes.

``context`` is the identity of a request and whether it was stopped, ``trace`` the trace that it
belongs to; ``codec`` writes requests and items as JSON.
"""

from dynamo._requests.codec import decode, encode
from dynamo._requests.context import CURRENT, Context
from dynamo._requests.trace import current_traceparent

__all__ = ["CURRENT", "Context", "current_traceparent", "decode", "encode"]
