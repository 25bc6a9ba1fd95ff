"""The decorator of workers written for Dynamo."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from dynamo.runtime._nodes import DistributedRuntime

_P = ParamSpec("_P")
_T = TypeVar("_T")


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

    The runtime is shut down when the function ends, by an exception too. Where discovery is chosen
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

            from dynamo._settings import DISCOVERY_BACKEND, REQUEST_PLANE

            async with DistributedRuntime(asyncio.get_running_loop()) as runtime:
                if DISCOVERY_BACKEND.is_set or REQUEST_PLANE.is_set:
                    await runtime._shared.network().open()
                return await function(runtime, *args, **kwargs)

        return worker

    return decorate
