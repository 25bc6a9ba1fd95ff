"""Metrics as an ASGI application, and metrics of requests: see ``dynamo_metrics.asgi``."""

from dynamo_metrics.asgi import RequestMetricsMiddleware, make_asgi_app

__all__ = ["RequestMetricsMiddleware", "make_asgi_app"]
