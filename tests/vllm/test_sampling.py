"""The options of a request, as vLLM's ``SamplingParams``."""

from __future__ import annotations

from typing import Any

import pytest
from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind

from dynamo.runtime import InvalidRequestError
from dynamo.vllm._sampling import OPTIONS, sampling_params
from tests.support.vllm import REAL


def params(request: dict[str, Any], **defaults: Any) -> SamplingParams:
    """What becomes of a request, beside its prompt."""
    return sampling_params({"prompt": "a", **request}, defaults)


def test_items_hold_what_is_new() -> None:
    assert params({}).output_kind is RequestOutputKind.DELTA


def test_an_answer_may_be_as_long_as_the_model_allows() -> None:
    assert params({}).max_tokens is None


def test_options_stand_in_the_request_or_where_dynamos_preprocessor_puts_them() -> None:
    found = params(
        {
            "seed": 3,
            "sampling_options": {"temperature": 0.5, "top_k": 7},
            "stop_conditions": {"max_tokens": 9, "ignore_eos": True, "stop": ["a", "b"]},
        }
    )
    assert (found.seed, found.temperature, found.top_k) == (3, 0.5, 7)
    assert (found.max_tokens, found.ignore_eos, found.stop) == (9, True, ["a", "b"])


def test_what_stands_in_the_request_itself_wins() -> None:
    assert params({"top_k": 1, "sampling_options": {"top_k": 2}}).top_k == 1


def test_null_leaves_an_option_to_the_model() -> None:
    found = params({"top_k": None, "sampling_options": {"temperature": None}}, top_k=5)
    assert (found.top_k, found.temperature) == (5, 1.0)


def test_the_models_own_options_are_for_what_a_request_leaves_open() -> None:
    found = params({"temperature": 0.1}, temperature=0.7, top_p=0.8)
    assert (found.temperature, found.top_p) == (0.1, 0.8)


def test_keys_of_json_become_the_numbers_that_they_are() -> None:
    assert params({"logit_bias": {"17": 2}}).logit_bias == {17: 2.0}


def test_other_parts_of_a_request_are_left_alone() -> None:
    assert params({"model": "m", "annotations": [], "output_kind": 2, "n": 1}) == params({})


@pytest.mark.parametrize("place", ["sampling_options", "stop_conditions"])
def test_an_option_that_the_engine_does_not_have_is_named(place: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^temprature is not an option of this .*top_p$"):
        params({place: {"temprature": 1}})


def test_an_option_that_cannot_be_is_the_requests_fault() -> None:
    cases = [
        ({"temperature": "hot"}, "Expected `float`, got `str` - at `$.temperature`"),
        ({"temperature": -1}, "temperature must be non-negative, got -1"),
        ({"max_tokens": 1.5}, "Expected `int | null`, got `float` - at `$.max_tokens`"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"n": 2}, "n=2: a request has one answer here, send it 2 times"),
        ({"sampling_options": [1]}, "sampling_options must be an object, not list"),
    ]
    for request_, problem in cases:
        with pytest.raises(InvalidRequestError) as raised:
            params(request_)
        assert problem in str(raised.value)


def nested(depth: int) -> dict[str, Any]:
    """An object in an object, and so on."""
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "request_",
    [
        {"max_tokens": 2**64},
        {"sampling_options": {"seed": -(2**63) - 1}},
        {"stop": ["\ud800"]},
        {"structured_outputs": {"json": nested(100_000)}},
    ],
    ids=["max_tokens", "seed", "stop", "nested"],
)
def test_what_vllm_cannot_send_to_its_engine_is_the_requests_fault(
    request_: dict[str, Any],
) -> None:
    with pytest.raises(InvalidRequestError, match=r"^the options of a request cannot be sent to"):
        params(request_)


def test_every_option_is_a_field_of_vllms() -> None:
    fields = set(SamplingParams.__struct_fields__)
    missing = set(OPTIONS) - fields
    if not REAL:
        missing &= {"temperature", "max_tokens", "stop"}  # the stub has but some
    assert missing == set()
