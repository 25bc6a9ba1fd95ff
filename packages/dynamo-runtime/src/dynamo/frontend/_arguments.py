"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from dynamo._engines.program import program
from dynamo._settings import (
    HTTP_BODY_LIMIT_MB,
    HTTP_HOST,
    HTTP_MAX_REQUESTS,
    HTTP_PORT,
    ROUTER_MODE,
)
from dynamo.frontend._routing import ELSEWHERE, ROUTERS

_ABOUT = """\
OpenAI's API in front of workers: chat completions, completions and the list of models.
"""
_MORE = """\
Workers are found by discovery: on one host with nothing set, otherwise as DYN_REQUEST_PLANE and
DYN_DISCOVERY_BACKEND say, the same for frontend and workers. For example:

    python -m dynamo.frontend --http-port 8000
    python -m dynamo.mocker --model mock-8b
    curl http://localhost:8000/v1/models
"""


class Settings(NamedTuple):
    """What the command line asks for."""

    host: str
    port: int
    """0 is any free one."""
    router_mode: str
    """A key of ``ROUTERS``."""
    max_requests: int
    """Limit of requests in flight; 0 is no limit."""
    body_limit: int
    """Bytes of the body of a request."""


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """Read the command line. Exits with 2, and says why, if it cannot be followed.

    Raises ``ValueError`` for a bad variable of the environment.
    """
    defaults = Settings(
        HTTP_HOST.read(),
        HTTP_PORT.read(),
        ROUTER_MODE.choose(ROUTERS, "round-robin", ELSEWHERE),
        HTTP_MAX_REQUESTS.read(),
        HTTP_BODY_LIMIT_MB.read() << 20,
    )
    parser = argparse.ArgumentParser(
        program("dynamo.frontend"),
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--http-host",
        default=defaults.host,
        metavar="HOST",
        help=f"address to listen on (default: {HTTP_HOST.variable}, {HTTP_HOST.default})",
    )
    add(
        "--http-port",
        type=_port,
        default=defaults.port,
        metavar="PORT",
        help=f"port to listen on, 0 for a free one (default: {HTTP_PORT.variable}, "
        f"{HTTP_PORT.default})",
    )
    add(
        "--router-mode",
        choices=sorted(ROUTERS),
        default=defaults.router_mode,
        help=f"which worker gets a request (default: {ROUTER_MODE.variable}, round-robin)",
    )
    add(
        "--max-requests",
        type=_whole,
        default=defaults.max_requests,
        metavar="N",
        help="limit of requests in flight, further ones are refused with 429; 0 is no limit "
        f"(default: {HTTP_MAX_REQUESTS.variable}, {HTTP_MAX_REQUESTS.default})",
    )
    given = parser.parse_args(arguments)
    return Settings(
        given.http_host,
        given.http_port,
        given.router_mode,
        given.max_requests,
        defaults.body_limit,
    )


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)
