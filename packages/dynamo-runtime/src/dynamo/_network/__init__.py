"""What a runtime has open towards others, in one event loop.

``network`` opens the request plane and discovery and registers the runtime; ``drain`` holds the
endpoints that it serves and stops them; ``signals`` starts that on SIGTERM and SIGINT;
``advertise`` finds the address of the status server for other hosts.
"""

from dynamo._network.drain import Drain
from dynamo._network.network import Network

__all__ = ["Drain", "Network"]
