"""The command line: ours and vLLM's."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from dynamo._engines import endpoints
from dynamo._engines.program import program
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.utils.argparse_utils import FlexibleArgumentParser

_ABOUT = """\
A vLLM worker: it serves requests, and shows vLLM's metrics and those of the requests on one page.
"""
_MORE = """\
The environment says where metrics and requests go:

    DYN_SYSTEM_PORT=8081     /metrics, /health and /live on this port
    DYN_REQUEST_PLANE=nats   requests through NATS_SERVER; without it those of this host come

For example:

    DYN_SYSTEM_PORT=8081 python -m dynamo.vllm --model Qwen/Qwen3-0.6B
"""


class Settings(NamedTuple):
    """What the command line asks for."""

    endpoint: endpoints.Path
    engine: argparse.Namespace
    """Arguments of vLLM's, to be read by it: that may look for the model, on the network too."""


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """Read the command line. Exits with 2, and says why, if it cannot be followed."""
    parser = _Parser(
        program("dynamo.vllm"),
        usage="%(prog)s --model MODEL [--endpoint ENDPOINT] [arguments of vLLM's engine]",
        description=_ABOUT,
        epilog=_MORE,
    )
    parser.add_argument_group("worker").add_argument(
        "--endpoint",
        type=endpoints.endpoint_path,
        default=endpoints.DEFAULT,
        metavar="dyn://NAMESPACE.COMPONENT.ENDPOINT",
        help="What to serve.",
    )
    AsyncEngineArgs.add_cli_args(parser)
    parser.set_defaults(model=None)  # vLLM's own would be downloaded
    given = parser.parse_args(None if arguments is None else list(arguments))
    if given.model is None:
        parser.error("the following arguments are required: --model")
    return Settings(given.endpoint, given)


class _Parser(FlexibleArgumentParser):
    """Shows every argument, where vLLM's own shows the names of groups."""

    def format_help(self) -> str:
        return argparse.ArgumentParser.format_help(self)
