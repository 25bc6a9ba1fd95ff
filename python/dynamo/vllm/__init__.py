"""A vLLM worker: ``python -m dynamo.vllm --model <model>``.

``_engine`` starts vLLM's ``AsyncLLM`` and knows when it has died, ``_handler`` has it answer, with
the options that ``_sampling`` reads, ``_metrics`` shows its metrics beside ours, ``_worker`` does
all of it, and ``_guard`` ends the engine's processes when the worker is gone. vLLM is imported by
those that need it, and only there: it takes seconds.
"""
