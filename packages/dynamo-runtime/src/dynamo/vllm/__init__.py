"""A vLLM worker: ``python -m dynamo.vllm --model <model>``.

A program of your own may put something between the engine and its endpoint: ``main(wrap)`` is the
command with it, ``serve(runtime, parse(...), wrap)`` the worker alone. The engine's processes
import the program again: ``if __name__ == "__main__":`` must stand before what starts it.

``_engine`` starts vLLM's ``AsyncLLM`` and knows when it has died, ``_handler`` has it answer, with
the messages that ``_chat`` renders and the options that ``_sampling`` reads, ``_metrics`` shows its
metrics beside ours, ``_worker`` does all of it, and ``_guard`` ends the engine's processes when the
worker has ended. vLLM, which takes seconds to import, is imported with what needs it.
"""

from typing import TYPE_CHECKING

from dynamo.vllm._main import main
from dynamo_metrics._lazy import imported

if TYPE_CHECKING:
    from dynamo.vllm._arguments import Settings, parse
    from dynamo.vllm._worker import serve

__all__ = ["Settings", "main", "parse", "serve"]

_HOMES = {
    "Settings": "dynamo.vllm._arguments",
    "parse": "dynamo.vllm._arguments",
    "serve": "dynamo.vllm._worker",
}


def __getattr__(name: str) -> object:
    return imported(__name__, name, _HOMES)
