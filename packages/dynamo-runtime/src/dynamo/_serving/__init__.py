"""An endpoint being served, from its first request to its last.

``endpoint`` takes the requests until the drain, ``request`` answers one of them with the user's
handler, which ``handler`` inspects; ``metrics`` counts them, ``health`` and ``canary`` decide
what ``/health`` shows, ``models`` is ``dynamo_endpoint``, ``registration`` registers models for
frontends.
"""

from dynamo._serving.endpoint import serve
from dynamo._serving.metrics import Labels
from dynamo._serving.models import dynamo_endpoint

__all__ = ["Labels", "dynamo_endpoint", "serve"]
