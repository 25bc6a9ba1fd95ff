"""A simulated engine for machines without a GPU: ``python -m dynamo.mocker --model <name>``.

A program of your own may put something between the engine and its endpoint: ``main(wrap)`` is the
command with it, ``serve(runtime, parse(...), wrap)`` the worker alone.

``_scheduler`` simulates, with the cache of ``_blocks`` and the times of ``_cost``, and knows
neither clock nor event loop. ``_engine`` runs it in real time, ``_handler`` and ``_worker`` serve
it, ``_metrics`` updates the families of ``_families``, ``_load`` sends it requests, ``_http_load``
through a frontend.
"""

from dynamo.mocker._arguments import Settings, parse
from dynamo.mocker._main import main
from dynamo.mocker._worker import serve

__all__ = ["Settings", "main", "parse", "serve"]
