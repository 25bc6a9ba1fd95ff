"""Stands for vLLM where it is not installed: as much of its interface as ``dynamo.vllm`` uses.

The engine answers with made-up tokens, but has what makes the real one hard to handle: processes
of its own that outlive their parent and rename themselves, families in the global registry, errors
of its own. ``tests/vllm`` runs with the real one too, and compares the two.
"""

from typing import TypedDict

from vllm.sampling_params import SamplingParams

__all__ = ["SamplingParams", "TokensPrompt"]


class TokensPrompt(TypedDict):
    """A prompt that is tokens already."""

    prompt_token_ids: list[int]
