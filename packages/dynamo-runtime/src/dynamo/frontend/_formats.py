"""Answers in OpenAI's form, whole and in chunks."""

from __future__ import annotations

import json
import time
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynamo.frontend._metrics import RequestRecord

DONE = b"data: [DONE]\n\n"
"""The end of a stream without an error."""
_MARK = '"\0"'
"""Stands for the text in what is written once for all chunks."""


class Format:
    """The form of one answer. The chunks of a stream differ in their texts alone."""

    prefix: str
    whole: str
    chunk: str

    def __init__(self, request_id: str, model: str, *, usage: bool) -> None:
        """``usage`` has all chunks but the one for it say that they have none."""
        self._head = {"id": f"{self.prefix}-{request_id}", "created": int(time.time())}
        self._model = model
        self._null_usage: dict[str, Any] = {"usage": None} if usage else {}
        before, _, after = self._event(self.choice(_MARK, None)).partition(json.dumps(_MARK))
        self._before, self._after = before, after

    def start(self) -> bytes:
        """Return the events before the first text."""
        return b""

    def text(self, text: str) -> bytes:
        """Return the event of a text."""
        return f"{self._before}{quoted(text)}{self._after}".encode()

    def finish(self, reason: str) -> bytes:
        """Return the event with which the text ends."""
        return self._event(self.choice(None, reason)).encode()

    def usage(self, record: RequestRecord) -> bytes:
        """Return the event with the numbers of tokens."""
        chunk = {**self._frame(self.chunk, []), "usage": usage_of(record)}
        return f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n".encode()

    def complete(self, text: str, reason: str, record: RequestRecord) -> dict[str, Any]:
        """Return the whole answer."""
        choices = [self.whole_choice(text, reason)]
        return {**self._frame(self.whole, choices), "usage": usage_of(record)}

    def choice(self, text: str | None, reason: str | None) -> dict[str, Any]:
        """Return the choice of a chunk, which has a text or a reason."""
        raise NotImplementedError

    def whole_choice(self, text: str, reason: str) -> dict[str, Any]:
        """Return the choice of a whole answer."""
        raise NotImplementedError

    def _event(self, choice: dict[str, Any]) -> str:
        chunk = {**self._frame(self.chunk, [choice]), **self._null_usage}
        return f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n"

    def _frame(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {**self._head, "object": kind, "model": self._model, "choices": choices}


class ChatFormat(Format):
    """An answer to messages."""

    prefix = "chatcmpl"
    whole = "chat.completion"
    chunk = "chat.completion.chunk"

    def start(self) -> bytes:
        """Return the event that says who speaks."""
        delta = {"role": "assistant", "content": ""}
        return self._event({**self.choice(None, None), "delta": delta}).encode()

    def choice(self, text: str | None, reason: str | None) -> dict[str, Any]:
        """Return the choice of a chunk, which has a text or a reason."""
        delta = {} if text is None else {"content": text}
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}

    def whole_choice(self, text: str, reason: str) -> dict[str, Any]:
        """Return the choice of a whole answer."""
        message = {"role": "assistant", "content": text, "refusal": None}
        return {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}


class CompletionFormat(Format):
    """An answer to a prompt."""

    prefix = "cmpl"
    whole = "text_completion"
    chunk = "text_completion"

    def choice(self, text: str | None, reason: str | None) -> dict[str, Any]:
        """Return the choice of a chunk, which has a text or a reason."""
        return {"index": 0, "text": text or "", "logprobs": None, "finish_reason": reason}

    def whole_choice(self, text: str, reason: str) -> dict[str, Any]:
        """Return the choice of a whole answer."""
        return self.choice(text, reason)


def error_event(body: dict[str, Any]) -> bytes:
    """Return the event with which a stream ends that has failed."""
    return f"data: {json.dumps(body, separators=(',', ':'))}\n\n".encode()


def usage_of(record: RequestRecord) -> dict[str, Any]:
    """Return the numbers of tokens of a request so far."""
    return {
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.output_tokens,
        "total_tokens": record.prompt_tokens + record.output_tokens,
        "prompt_tokens_details": {"cached_tokens": record.cached_tokens},
    }
