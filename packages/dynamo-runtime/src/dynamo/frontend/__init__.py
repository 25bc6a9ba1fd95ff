"""OpenAI's API in front of workers: ``python -m dynamo.frontend --http-port 8000``.

A worker that has called ``register_model`` is found by discovery, and gets the requests that name
its model. ``main()`` is the command, ``serve(runtime, parse(...))`` the server alone, for a program
that has a runtime already.

A request passes ``_app``, the routes, and ``_generation``, which reads it with ``_body`` as one of
the models in ``_requests``, finds its model in ``_models``, has ``_dispatch`` send it to a worker
in the order of ``_routing``, and writes the answer in the form of ``_formats``. ``_errors`` has all
errors. ``_metrics`` counts, with the buckets of ``_buckets``, ``_workers`` watches each worker, and
``_page`` shows it to people. ``_server`` runs uvicorn. What needs Starlette, uvicorn and pydantic
is imported when it is used.
"""

from typing import TYPE_CHECKING

from dynamo.frontend._arguments import Settings, parse
from dynamo.frontend._main import main
from dynamo_metrics._lazy import imported

if TYPE_CHECKING:
    from dynamo.frontend._server import serve

__all__ = ["Settings", "main", "parse", "serve"]

_HOMES = {"serve": "dynamo.frontend._server"}


def __getattr__(name: str) -> object:
    return imported(__name__, name, _HOMES)
