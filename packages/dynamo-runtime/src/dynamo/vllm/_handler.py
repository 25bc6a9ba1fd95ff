"""The handler of the ``generate`` endpoint: requests as JSON, items as JSON."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from dynamo._engines.handlers import Generate
from dynamo._engines.requests import Chat, prompt_of, usage_of, wants_usage
from dynamo.runtime import Context, InvalidRequestError, UnavailableError
from dynamo.vllm._chat import rendered
from dynamo.vllm._sampling import check_that_it_can_be_sent, sampling_params
from vllm import TokensPrompt
from vllm.exceptions import GracefulHTTPError, VLLMClientError
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineGenerateError


def handler_of(engine: AsyncLLM) -> Generate:
    """Return the handler that has ``engine`` answer.

    A request is an object with ``token_ids``, ``prompt``, a text, or ``messages``, and options of
    vLLM's ``SamplingParams``, in the request itself, in its ``sampling_options`` or
    ``stop_conditions``.

    An item has ``token_ids``, the tokens since the last one, their ``text``, and
    ``finish_reason``: ``"stop"``, ``"length"`` or another word of vLLM's in the last item, None
    before. For a request with ``usage`` the first one has that too. When the client disconnects,
    vLLM aborts the request.
    """
    numbers = itertools.count()
    defaults = engine.model_config.get_diff_sampling_param()

    async def generate(request: Any, context: Context) -> AsyncGenerator[dict[str, Any], None]:
        prompt: str | TokensPrompt
        match prompt_of(request):
            case str(text):
                prompt = text
            case Chat() as chat:
                prompt = TokensPrompt(prompt_token_ids=await rendered(engine, chat))
            case tokens:
                check_that_it_can_be_sent("the prompt", tokens)
                prompt = TokensPrompt(prompt_token_ids=tokens)
        params = sampling_params(request, defaults)
        # Requests that another one has caused come with the same context.
        name = f"{context.id()}-{next(numbers)}"
        aborts: list[asyncio.Task[None]] = []

        def abort() -> None:
            aborts.append(asyncio.ensure_future(engine.abort(name)))

        # A client may disconnect while its request is queued, long before the next item.
        context.add_listener(abort)
        try:
            async with aclosing(engine.generate(prompt, params, name)) as outputs:
                pending_usage = wants_usage(request)
                async for output in outputs:
                    (answer,) = output.outputs
                    item: dict[str, Any] = {
                        "token_ids": list(answer.token_ids),
                        "text": answer.text,
                        "finish_reason": answer.finish_reason,
                    }
                    if pending_usage:
                        pending_usage = False
                        prompted = len(output.prompt_token_ids or ())
                        item["usage"] = usage_of(prompted, output.num_cached_tokens or 0)
                    yield item
        except VLLMClientError as error:
            raise InvalidRequestError(str(error)) from None
        except GracefulHTTPError as error:  # its queue is full
            raise UnavailableError(str(error)) from None
        except EngineGenerateError as error:  # its cause has the text
            raise error.__cause__ or error from None
        finally:
            context.remove_listener(abort)
            await asyncio.gather(*aborts)

    return generate
