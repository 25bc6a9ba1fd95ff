"""The metrics of a node as a WSGI application, see ``dynamo_metrics.wsgi``."""

from dynamo_metrics.wsgi import make_wsgi_app

__all__ = ["make_wsgi_app"]
