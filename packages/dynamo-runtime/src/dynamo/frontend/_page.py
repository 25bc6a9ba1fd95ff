"""The live page of the frontend's metrics, which the native core has."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dynamo_metrics import _native
from dynamo_metrics._settings import LIVE_PAGE


async def _file(request: Request) -> Response:
    found = _native.page_file(request.path_params.get("name", ""))
    if found is None:
        raise HTTPException(404)
    content_type, content = found
    headers = {**dict(_native.PAGE_HEADERS), "content-type": content_type}
    return Response(content, headers=headers)


def page_routes() -> list[Route]:
    """Return the routes of the page; none if ``DYN_SYSTEM_PAGE`` switches it off."""
    if not LIVE_PAGE.read():
        return []
    return [Route("/", _file), Route("/page/{name}", _file)]
