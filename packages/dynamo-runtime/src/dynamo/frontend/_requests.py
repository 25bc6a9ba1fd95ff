"""The requests of OpenAI's API, and what a worker gets for them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dynamo.frontend._errors import BadRequestError

_ROLES = ("developer", "system", "user", "assistant", "tool", "function")
_STOP = ("ignore_eos", "include_stop_str_in_output", "min_tokens", "stop", "stop_token_ids")
_SAMPLING = (
    "frequency_penalty",
    "logit_bias",
    "min_p",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "skip_special_tokens",
    "temperature",
    "top_k",
    "top_p",
)
_IGNORED = frozenset(
    (
        "metadata",
        "parallel_tool_calls",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    )
)
"""Parameters that do not change the answer."""


class StreamOptions(BaseModel):
    """How an answer is streamed."""

    model_config = ConfigDict(strict=True, extra="ignore")

    include_usage: bool = False


class GenerationRequest(BaseModel):
    """What all requests for text have in common. The second half are vLLM's parameters."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    NEUTRAL: ClassVar[dict[str, tuple[Any, ...]]] = {}
    """Parameters that are not supported, with the values that ask for nothing."""

    model: str
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: list[str] | None = None
    logit_bias: dict[str, float] | None = None

    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    min_tokens: int | None = Field(None, ge=0)
    ignore_eos: bool | None = None
    stop_token_ids: list[int] | None = None
    include_stop_str_in_output: bool | None = None
    skip_special_tokens: bool | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("logit_bias")
    @classmethod
    def _biases(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        for token, bias in (value or {}).items():
            if not token.isdecimal() or not -100 <= bias <= 100:
                raise ValueError("must have token ids with a bias from -100 to 100")
        return value

    @property
    def include_usage(self) -> bool:
        """Whether the stream ends with the numbers of tokens."""
        return self.stream_options is not None and self.stream_options.include_usage

    def payload(self) -> dict[str, Any]:
        """Return the request that a worker gets."""
        return {
            "model": self.model,
            **self._prompt(),
            "sampling_options": self._given(_SAMPLING),
            "stop_conditions": {**self._given(_STOP), **self._limit()},
            "usage": True,
        }

    def _prompt(self) -> dict[str, Any]:
        raise NotImplementedError

    def _limit(self) -> dict[str, int]:
        return {} if self.max_tokens is None else {"max_tokens": self.max_tokens}

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        values = ((name, getattr(self, name)) for name in names)
        return {name: value for name, value in values if value is not None}


class ChatRequest(GenerationRequest):
    """``POST /v1/chat/completions``."""

    NEUTRAL: ClassVar[dict[str, tuple[Any, ...]]] = {
        "n": (1,),
        "logprobs": (False,),
        "top_logprobs": (0,),
        "tools": ([],),
        "tool_choice": ("none", "auto"),
        "functions": ([],),
        "function_call": ("none", "auto"),
        "response_format": ({"type": "text"},),
        "modalities": (["text"],),
        "audio": (),
        "prediction": (),
        "web_search_options": (),
    }

    messages: list[dict[str, Any]] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    chat_template_kwargs: dict[str, Any] | None = None

    @field_validator("messages")
    @classmethod
    def _texts(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [_message(place, message) for place, message in enumerate(value)]

    def _prompt(self) -> dict[str, Any]:
        prompt: dict[str, Any] = {"messages": self.messages}
        if self.chat_template_kwargs:
            prompt["chat_template_kwargs"] = self.chat_template_kwargs
        return prompt

    def _limit(self) -> dict[str, int]:
        limit = self.max_completion_tokens or self.max_tokens
        return {} if limit is None else {"max_tokens": limit}


class CompletionRequest(GenerationRequest):
    """``POST /v1/completions``. As with OpenAI, an answer has 16 tokens by default."""

    NEUTRAL: ClassVar[dict[str, tuple[Any, ...]]] = {
        "n": (1,),
        "best_of": (1,),
        "echo": (False,),
        "logprobs": (),
        "suffix": ("",),
    }

    prompt: str | list[int]
    max_tokens: int | None = Field(16, ge=1)

    @field_validator("prompt", mode="plain")
    @classmethod
    def _one_prompt(cls, value: Any) -> str | list[int]:
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], (str, list)):
            (value,) = value
        if isinstance(value, str) and value:
            return value
        if (
            isinstance(value, list)
            and value
            and all(type(one) is int and one >= 0 for one in value)
        ):
            return value
        raise ValueError(
            "must be a text or a list of token ids, not empty, and one of them: send each prompt "
            "in a request of its own"
        )

    def _prompt(self) -> dict[str, Any]:
        return {"prompt" if isinstance(self.prompt, str) else "token_ids": self.prompt}


Kind = Literal["chat", "completions"]

KINDS: dict[Kind, type[GenerationRequest]] = {"chat": ChatRequest, "completions": CompletionRequest}
"""The requests by what a worker must have registered for them."""


def read(model: type[GenerationRequest], body: dict[str, Any]) -> GenerationRequest:
    """Return a request, or raise the ``BadRequestError`` that says what is wrong with it."""
    given = {}
    for name, value in body.items():
        if value is None or name in _IGNORED:
            continue
        neutral = model.NEUTRAL.get(name)
        if neutral is None:
            given[name] = value
        elif value not in neutral:
            only = f", or send {neutral[0]!r}" if neutral else ""
            raise BadRequestError(f"{name} is not supported: leave it out{only}", name)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _explained(error) from None


def _explained(error: ValidationError) -> BadRequestError:
    problem = error.errors(include_url=False)[0]
    place = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return BadRequestError(f"{place} is not a parameter that is known: leave it out", place)
    if problem["type"] == "missing":
        return BadRequestError(f"{place} is missing", place)
    message = problem["msg"].removeprefix("Value error, ")
    return BadRequestError(f"{place}: {message[:1].lower()}{message[1:]}", place)


def _message(place: int, message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with its content as one text, and without what is null."""
    read = {name: value for name, value in message.items() if value is not None}
    if read.get("role") not in _ROLES:
        raise ValueError(f"messages[{place}] needs a role, one of {', '.join(_ROLES)}")
    content = read.get("content")
    if isinstance(content, list):
        read["content"] = "\n".join(_part(place, part) for part in content)
    elif content is None and read["role"] != "assistant":
        raise ValueError(f"messages[{place}] needs a content")
    elif content is not None and not isinstance(content, str):
        raise ValueError(f"messages[{place}].content must be a text or a list of parts")
    return read


def _part(place: int, part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
    if not isinstance(text, str):
        raise ValueError(f"messages[{place}].content may have parts of type text only")
    return text
