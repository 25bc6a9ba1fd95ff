"""The routes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dynamo.asgi import make_asgi_app
from dynamo.frontend._errors import ApiError, InternalError, MethodError, NotFoundError
from dynamo.frontend._generation import Generation
from dynamo.frontend._page import page_routes

if TYPE_CHECKING:
    from dynamo.frontend._dispatch import Dispatcher
    from dynamo.frontend._generation import Limits
    from dynamo.frontend._metrics import FrontendMetrics
    from dynamo.frontend._models import Models, ServedModel
    from dynamo.runtime import DistributedRuntime


def make_app(
    runtime: DistributedRuntime,
    models: Models,
    dispatcher: Dispatcher,
    metrics: FrontendMetrics,
    limits: Limits,
) -> Starlette:
    """Return the application."""

    async def list_models(request: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [_shown(one) for one in models.served]})

    async def one_model(request: Request) -> JSONResponse:
        return JSONResponse(_shown(models.find(request.path_params["name"])))

    async def health(request: Request) -> JSONResponse:
        """Ready for requests: 503 while no model has a worker."""
        served = models.served
        content = {
            "status": "healthy" if served else "unhealthy",
            "models": [model.name for model in served],
            "workers": len(models.workers),
            "uptime": _uptime(begun),
        }
        return JSONResponse(content, 200 if served else 503)

    async def live(request: Request) -> JSONResponse:
        return JSONResponse({"status": "live", "uptime": _uptime(begun)})

    begun = time.monotonic()
    chat = Generation("chat", models, dispatcher, metrics, limits)
    completions = Generation("completions", models, dispatcher, metrics, limits)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/completions", completions, methods=["POST"]),
            Route("/v1/models", list_models),
            Route("/v1/models/{name:path}", one_model),
            Route("/health", health),
            Route("/live", live),
            Route("/metrics", make_asgi_app(runtime)),
            *page_routes(),
        ],
        exception_handlers={
            ApiError: _on_api_error,
            HTTPException: _on_http_error,
            Exception: _on_failure,
        },
    )


def _shown(model: ServedModel) -> dict[str, Any]:
    shown = {"id": model.name, "object": "model", "created": model.created, "owned_by": "dynamo"}
    length = model.entries[0].context_length
    return shown if length is None else {**shown, "max_model_len": length}


def _uptime(begun: float) -> dict[str, int]:
    seconds, nanoseconds = divmod(int((time.monotonic() - begun) * 1e9), 10**9)
    return {"secs": seconds, "nanos": nanoseconds}


def _on_api_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body(), error.status, error.headers)


def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path[:200]}"
    shown: ApiError
    if error.status_code == 405:
        shown = MethodError(f"{where} is not a route: use {(error.headers or {}).get('Allow')}")
    else:
        shown = NotFoundError(
            f"{where} is not a route: use /v1/chat/completions, /v1/completions or /v1/models"
        )
    return JSONResponse(shown.body(), shown.status, error.headers)


def _on_failure(request: Request, error: Exception) -> JSONResponse:
    shown = InternalError("the frontend failed: its log says why")
    return JSONResponse(shown.body(), shown.status)
