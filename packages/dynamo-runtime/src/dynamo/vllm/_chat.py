"""Messages as a prompt, by the chat template of the model's tokenizer."""

from __future__ import annotations

import inspect
from typing import Any

from dynamo._engines.requests import Chat
from dynamo.runtime import InvalidRequestError
from vllm.v1.engine.async_llm import AsyncLLM


async def rendered(engine: AsyncLLM, chat: Chat) -> list[int]:
    """Return the tokens of messages, with the beginning of the answer.

    Raises ``InvalidRequestError`` if the worker has no tokenizer, the model no template, or if its
    template refuses the messages.
    """
    options = {"add_generation_prompt": True, **chat.template, "tokenize": False}
    try:
        tokenizer: Any = engine.get_tokenizer()
        if inspect.isawaitable(tokenizer):  # as it was in earlier versions of vLLM
            tokenizer = await tokenizer
        text = tokenizer.apply_chat_template(chat.messages, **options)
        # The template has written the special tokens itself.
        return list(tokenizer.encode(text, add_special_tokens=False))
    except Exception as error:  # of Jinja, of the tokenizer, or raised by the template itself
        line = " ".join(str(error).split()) or type(error).__name__
        raise InvalidRequestError(
            f"the chat template of the model does not take these messages: {line}"
        ) from None
