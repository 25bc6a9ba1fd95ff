"""The options of a request as vLLM's ``SamplingParams``."""

from __future__ import annotations

from typing import Any

import msgspec

from dynamo._engines.requests import PLACES, given, placed_options
from dynamo.runtime import InvalidRequestError
from vllm import SamplingParams
from vllm.exceptions import VLLMClientError
from vllm.sampling_params import RequestOutputKind

OPTIONS = (
    "allowed_token_ids",
    "bad_words",
    "detokenize",
    "frequency_penalty",
    "ignore_eos",
    "include_stop_str_in_output",
    "logit_bias",
    "max_tokens",
    "min_p",
    "min_tokens",
    "n",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "skip_special_tokens",
    "spaces_between_special_tokens",
    "stop",
    "stop_token_ids",
    "structured_outputs",
    "temperature",
    "thinking_token_budget",
    "top_k",
    "top_p",
)
"""Fields of ``SamplingParams`` that a request may set: those whose effect the answer shows."""


def sampling_params(request: dict[str, Any], defaults: dict[str, Any]) -> SamplingParams:
    """Read the options of a request; ``defaults`` are the model's own, for what it leaves open.

    Without ``max_tokens`` the answer may be as long as the model allows.

    Raises ``InvalidRequestError`` for an option that vLLM does not have, or does not take so.
    """
    placed = placed_options(request)
    unknown = sorted(set(placed) - set(OPTIONS))
    if unknown:
        raise InvalidRequestError(
            f"{unknown[0]} is not an option of this engine, but is in {' or '.join(PLACES)}: "
            f"leave it out, or use one of {', '.join(OPTIONS)}"
        )
    own = {name: value for name, value in given(request).items() if name in OPTIONS}
    options = {"max_tokens": None, **defaults, **placed, **own}
    check_that_it_can_be_sent("the options of a request", options)
    try:
        params = msgspec.convert(options, SamplingParams, str_keys=True)
    except (msgspec.ValidationError, VLLMClientError, ValueError, TypeError) as error:
        raise InvalidRequestError(f"the options of a request cannot be used: {error}") from None
    if params.n != 1:
        raise InvalidRequestError(
            f"n={params.n}: a request has one answer here, send it {params.n} times"
        )
    params.output_kind = RequestOutputKind.DELTA
    return params


def check_that_it_can_be_sent(what: str, value: Any) -> None:
    """Check that a part of a request fits into MessagePack, in which vLLM's engine gets it.

    vLLM finds out when it has the request on its list, and never takes it off again.

    Raises ``InvalidRequestError`` for an integer of more than 64 bits, for half of a surrogate
    pair, and for what is nested too deep.
    """
    try:
        msgspec.msgpack.encode(value)
    except (OverflowError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidRequestError(f"{what} cannot be sent to the engine: {error}") from None
