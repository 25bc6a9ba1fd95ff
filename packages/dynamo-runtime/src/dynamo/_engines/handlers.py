"""The handler of an engine, and what users may put in front of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from dynamo.runtime import Context, Endpoint

Generate = Callable[[Any, Context], AsyncGenerator[dict[str, Any], None]]
"""Answers a request: items as they come. Closing it gives the request up."""

Wrap = Callable[[Endpoint, Generate], Callable[[Any, Context], AsyncIterator[Any]]]
"""Takes an endpoint and the engine's handler, and returns the handler to serve instead."""
