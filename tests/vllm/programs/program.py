"""A worker with a handler of its own."""

from __future__ import annotations

from dynamo.vllm import main


def measured(endpoint, generate):
    answers = endpoint.metrics.create_intcounter("answers_total", "Answers that are complete")

    async def answer(request, context):
        async for item in generate(request, context):
            yield item
        answers.inc()

    return answer


if __name__ == "__main__":
    main(measured)
