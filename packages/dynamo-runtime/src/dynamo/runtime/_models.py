"""What a worker says of its model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynamo.runtime._nodes import Endpoint


async def register_model(
    endpoint: Endpoint,
    name: str,
    *,
    kinds: Iterable[str] = ("chat", "completions"),
    context_length: int | None = None,
    kv_cache_block_size: int | None = None,
    total_kv_blocks: int | None = None,
    max_num_seqs: int | None = None,
    max_num_batched_tokens: int | None = None,
) -> None:
    """Let ``python -m dynamo.frontend`` find the model that ``endpoint`` answers for.

    The frontend lists ``name`` while this runtime serves the endpoint, and sends requests for it
    there: with ``messages`` if ``kinds`` has ``"chat"``, with a prompt if it has ``"completions"``.
    The other arguments are shown in ``dynamo_frontend_model_*``: ``context_length`` in tokens, of a
    prompt with its answer; ``kv_cache_block_size`` in tokens of a block; ``total_kv_blocks`` of
    this worker; ``max_num_seqs`` and ``max_num_batched_tokens`` of a batch.

    Call it before or while the endpoint is served. A second call for the same name replaces what
    the first one said.

    Raises ``ValueError`` for a bad argument or setting, ``ConnectionError`` or ``ImportError`` if
    ``DYN_REQUEST_PLANE`` or ``DYN_DISCOVERY_BACKEND`` cannot be used.
    """
    from dynamo._serving.registration import register

    namespace, component, endpoint_name = endpoint._path
    sizes = {
        "context_length": context_length,
        "kv_cache_block_size": kv_cache_block_size,
        "total_kv_blocks": total_kv_blocks,
        "max_num_seqs": max_num_seqs,
        "max_num_batched_tokens": max_num_batched_tokens,
    }
    path = (namespace, component, endpoint_name)
    await register(path, endpoint._shared.network(), name, kinds, sizes)


register_model.__module__ = "dynamo.runtime"
