"""The metrics of a node as a ASGI application, see ``dynamo_metrics.asgi``."""

from dynamo_metrics.asgi import make_asgi_app

__all__ = ["make_asgi_app"]
