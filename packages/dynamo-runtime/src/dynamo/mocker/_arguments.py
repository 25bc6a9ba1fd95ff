"""The command line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from dynamo._engines import endpoints
from dynamo._engines.program import program
from dynamo.mocker._cost import CostModel
from dynamo.mocker._load import Load
from dynamo.mocker._scheduler import Limits

_ABOUT = """\
A simulated vLLM worker: it serves requests and shows metrics as `python -m dynamo.vllm` does, and
needs no GPU and no model. Dashboards, alerts and autoscalers can be tried with it.
"""
_MORE = """\
A step of the engine takes

    (step-ms / 1000 + prefill-us * p / 1e6 + sequence-us * d / 1e6 + context-ns * c / 1e9) / speedup

seconds: p prompt tokens computed, d sequences decoding, c tokens in the cache that these attend to.

The environment says where metrics and requests go:

    DYN_SYSTEM_PORT=8081     /metrics, /health and /live on this port
    DYN_REQUEST_PLANE=nats   requests through NATS_SERVER; without it those of this host come

For example, a worker that is always busy:

    DYN_SYSTEM_PORT=8081 python -m dynamo.mocker --model mock-8b --load 8
"""


class Settings(NamedTuple):
    """What the command line asks for."""

    model: str
    endpoint: endpoints.Path
    seed: int
    answer: float
    """Tokens that the model has to say to a prompt, the median."""
    startup: float
    """Seconds to be not ready at first."""
    limits: Limits
    cost: CostModel
    load: Load | None


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """Read the command line. Exits with 2, and says why, if it cannot be followed."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        limits = Limits(
            given.num_gpu_blocks,
            given.block_size,
            given.max_model_len,
            given.max_num_seqs,
            given.max_num_batched_tokens,
            given.enable_prefix_caching,
        )
    except ValueError as error:
        parser.error(str(error))
    cost = CostModel(
        given.step_ms / 1e3,
        given.prefill_us / 1e6,
        given.sequence_us / 1e6,
        given.context_ns / 1e9,
        given.speedup,
    )
    load = Load(
        given.load or 1.0,
        given.seed,
        given.load_prompt,
        given.max_model_len,
        given.load_prefixes,
        given.load_prefix,
        given.load_answer,
        given.model,
        given.load_url,
    )
    if given.load_url and not given.load:
        parser.error("argument --load-url: it needs --load, the requests per second")
    return Settings(
        given.model,
        given.endpoint,
        given.seed,
        given.answer,
        given.startup,
        limits,
        cost,
        load if given.load else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        program("dynamo.mocker"),
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    whole, positive, number = _whole(1), _number(above=True), _number(above=False)
    limits, cost, load = Limits(), CostModel(), Load(1.0)

    add = parser.add_argument
    add("--model", metavar="NAME", required=True, help="model name in the metrics")
    add(
        "--endpoint",
        type=endpoints.endpoint_path,
        default=endpoints.DEFAULT,
        metavar="dyn://NAMESPACE.COMPONENT.ENDPOINT",
        help="what to serve",
    )
    add("--seed", type=_whole(0), default=0, help="seed of answers and load")
    add("--speedup", type=positive, default=1.0, help="speed factor of the simulated engine")
    add("--answer", type=positive, default=200.0, help="median number of tokens of an answer")
    add("--startup", type=number, default=0.0, help="seconds until the worker is ready")

    add = parser.add_argument_group("engine, in vLLM's words").add_argument
    add("--num-gpu-blocks", type=whole, default=limits.num_gpu_blocks, help="of the KV cache")
    add("--block-size", type=whole, default=limits.block_size, help="tokens of a block")
    add("--max-model-len", type=_whole(2), default=limits.max_model_len, help="tokens of a request")
    add("--max-num-seqs", type=whole, default=limits.max_num_seqs, help="requests in a batch")
    add(
        "--max-num-batched-tokens",
        type=whole,
        default=limits.max_num_batched_tokens,
        help="tokens computed in a step",
    )
    add(
        "--enable-prefix-caching",
        action=argparse.BooleanOptionalAction,
        default=limits.enable_prefix_caching,
        help="enable prefix caching",
    )

    add = parser.add_argument_group("cost of a step").add_argument
    add("--step-ms", type=number, default=cost.step * 1e3, help="milliseconds per step")
    add(
        "--prefill-us",
        type=number,
        default=cost.prefill * 1e6,
        help="microseconds per prompt token",
    )
    add(
        "--sequence-us",
        type=number,
        default=cost.sequence * 1e6,
        help="microseconds per decoding sequence",
    )
    add(
        "--context-ns",
        type=number,
        default=cost.context * 1e9,
        help="nanoseconds per token it attends to",
    )

    add = parser.add_argument_group("load").add_argument
    add(
        "--load",
        type=positive,
        metavar="RPS",
        help="requests per second that the worker sends to itself",
    )
    add(
        "--load-url",
        type=_url,
        metavar="URL",
        help="send them to the API of the frontend at http://HOST:PORT",
    )
    add("--load-prompt", type=positive, default=load.prompt, help="median of prompt tokens")
    add("--load-answer", type=positive, default=load.answer, help="median of max_tokens")
    add(
        "--load-prefixes",
        type=whole,
        default=load.prefixes,
        help="number of prefixes that prompts share",
    )
    add("--load-prefix", type=_whole(0), default=load.prefix, help="tokens of a shared prefix")
    return parser


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults where there are any, and the texts as they are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def _url(text: str) -> str:
    parts = urlsplit(text)
    try:
        is_server = parts.scheme == "http" and bool(parts.hostname) and bool(parts.port)
    except ValueError:  # a port that is none
        is_server = False
    if not is_server or parts.path not in ("", "/", "/v1"):
        raise argparse.ArgumentTypeError(f"{text!r} is not the address of a frontend")
    return text


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        return value

    return read


def _number(*, above: bool) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (0 < value < math.inf or (value == 0 and not above)):
            least = "above 0" if above else "of at least 0"
            raise argparse.ArgumentTypeError(f"{text!r} is not a number {least}")
        return value

    return read
