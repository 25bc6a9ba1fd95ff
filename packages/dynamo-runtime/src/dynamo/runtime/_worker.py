"""The decorator that workers written for Dynamo start with."""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from dynamo.runtime._nodes import DistributedRuntime

_P = ParamSpec("_P")
_T = TypeVar("_T")

_DISCOVERY = ("DYN_DISCOVERY_BACKEND", "DYN_REQUEST_PLANE")


def dynamo_worker(
    *_: object, **__: object
) -> Callable[
    [Callable[Concatenate[DistributedRuntime, _P], Awaitable[_T]]],
    Callable[_P, Coroutine[Any, Any, _T]],
]:
    """Give an async function a ``DistributedRuntime`` as its first argument.

        @dynamo_worker()
        async def worker(runtime: DistributedRuntime) -> None: ...

        asyncio.run(worker())

    The runtime is shut down when the function ends, in whatever way. Where discovery is chosen
    (``DYN_DISCOVERY_BACKEND`` or ``DYN_REQUEST_PLANE``) the runtime is registered there before the
    function starts, so that Prometheus finds it. Arguments of the decorator itself are those of
    Dynamo's own bindings and have no effect.
    """

    def decorate(
        function: Callable[Concatenate[DistributedRuntime, _P], Awaitable[_T]],
    ) -> Callable[_P, Coroutine[Any, Any, _T]]:
        @functools.wraps(function)
        async def worker(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            import asyncio

            async with DistributedRuntime(asyncio.get_running_loop()) as runtime:
                if any(map(os.environ.get, _DISCOVERY)):
                    from dynamo.runtime._network import Network

                    await Network.of(runtime._shared).open()
                return await function(runtime, *args, **kwargs)

        return worker

    return decorate
