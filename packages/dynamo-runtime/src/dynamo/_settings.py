"""The settings of this package: every environment variable that it reads, one entry each.

Other modules read a variable through its entry, never from ``os.environ``. An empty variable is
unset. ``docs/serving.md`` and ``docs/frontend.md`` list the same variables, which a test compares.
Settings of the status server and of the metrics belong to ``dynamo-metrics``.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from dynamo_metrics import _environment
from dynamo_metrics._urls import without_credentials

_T = TypeVar("_T")

_NATS_URL = re.compile(r"(?:(?:nats|tls)://)?[^\s/,]+(?::\d+)?/?")
_HOST_NAME = re.compile(r"[\w.-]+")


class Setting(Generic[_T]):
    """One environment variable."""

    def __init__(
        self, variable: str, default: Any, parse: Callable[[str, Any], _T], meaning: str
    ) -> None:
        self.variable = variable
        self.default = default
        self.meaning = meaning
        self._parse = parse

    @property
    def is_set(self) -> bool:
        """Whether the environment has a value for it."""
        return bool(_environment.text(self.variable, ""))

    def read(self) -> _T:
        """Return the value now.

        Raises ``ValueError``, with variable, value, rule and remedy, for a bad one.
        """
        return self._parse(self.variable, self.default)

    def refuse(self, value: str, problem: str, remedy: str) -> ValueError:
        """Return the error of a value that is bad for a reason that only the caller knows."""
        return _environment.bad(self.variable, value, problem, remedy)


class Choice(Setting[str]):
    """A variable that names an entry of a table, which is the reader's."""

    def __init__(self, variable: str, default: str | None, meaning: str) -> None:
        super().__init__(variable, default, _word, meaning)

    def choose(
        self, known: Iterable[str], default: str, elsewhere: Mapping[str, str] | None = None
    ) -> str:
        """Return the name that is set, one of ``known``; ``default`` if none is.

        ``elsewhere`` are names that only Dynamo has, each with what to use instead. Raises
        ``ValueError`` for these, and for any other name.
        """
        word = self.read()
        if elsewhere is not None and word in elsewhere:
            raise self.refuse(word, "is not supported here", elsewhere[word])
        return _environment.choice(self.variable, default, {name: name for name in known})

    def is_word(self, word: str) -> bool:
        """Whether this is the name that is set."""
        return self.read() == word


def _word(variable: str, default: str | None) -> str:
    return _environment.text(variable, default or "")


def _flag(variable: str, default: bool) -> bool:
    return _environment.flag(variable, default=default)


def _host(variable: str, default: str | None) -> str | None:
    host = _environment.text(variable, default or "")
    if not host:
        return None
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        if not _HOST_NAME.fullmatch(host):
            raise _environment.bad(
                variable, host, "is not a host", "a name or an IP address, without a port"
            ) from None
        return host
    return f"[{address}]" if address.version == 6 else str(address)


def _listening_host(variable: str, default: str) -> str:
    return _host(variable, default) or default


def _directory(variable: str, default: None) -> Path | None:
    given = _environment.text(variable, "")
    if not given:
        return default
    if not Path(given).is_absolute():
        raise _environment.bad(variable, given, "is not an absolute path", "one from / on")
    return Path(given)


def _existing_directory(variable: str, default: None) -> Path | None:
    given = Path(_environment.text(variable, ""))
    return given if given.is_absolute() and given.is_dir() else default


def _json_object(variable: str, default: None) -> dict[str, Any] | None:
    given = _environment.text(variable, "")
    if not given:
        return default
    try:
        text = Path(given[1:]).read_text() if given.startswith("@") else given
        value = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        problem = f"cannot be read as JSON ({error})"
    else:
        if isinstance(value, dict):
            return value
        problem = "is not an object"
    raise _environment.bad(variable, given, problem, 'a JSON object, {"a": 1}, or @ and a file')


def _nats_servers(variable: str, default: str) -> tuple[str, ...]:
    given = _environment.text(variable, default)
    servers = tuple(server.strip() for server in given.split(","))
    shown = ",".join(map(without_credentials, servers))
    if any(server.startswith(("ws://", "wss://")) for server in servers):
        raise _environment.bad(
            variable,
            shown,
            "is a WebSocket, over which a server that stops answering is not noticed",
            "nats://host:port, or tls://host:port",
        )
    if not all(_NATS_URL.fullmatch(server) for server in servers):
        raise _environment.bad(
            variable,
            shown,
            "is not the address of a NATS server",
            "nats://host:port, several of them separated by commas",
        )
    return servers


def _optional_word(variable: str, default: str | None) -> str | None:
    return _environment.text(variable, default or "") or None


def _file(variable: str, default: str | None) -> str | None:
    path = _optional_word(variable, default)
    if path is not None:
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise _environment.bad(
                variable, path, f"cannot be read: {error.strerror}", "the path of a file"
            ) from None
    return path


class HistogramBounds:
    """The three variables of a histogram's buckets: ``DYN_METRICS_<NAME>_{MIN,MAX,COUNT}``."""

    def __init__(self, name: str, lowest: float, highest: float, count: int) -> None:
        variable = f"DYN_METRICS_{name}"
        self.lowest = Setting(f"{variable}_MIN", lowest, _positive, "lowest bound above 0")
        self.highest = Setting(f"{variable}_MAX", highest, _positive, "highest bound")
        self.count = Setting(f"{variable}_COUNT", count, _bucket_count, "number of bounds, with 0")

    @property
    def settings(self) -> tuple[Setting[Any], ...]:
        """The three of them."""
        return self.lowest, self.highest, self.count

    def read(self) -> tuple[float, float, int]:
        """Return lowest bound, highest bound and count.

        Raises ``ValueError`` for a bad variable, and if the bounds are not in order.
        """
        lowest, highest, count = self.lowest.read(), self.highest.read(), self.count.read()
        if lowest >= highest:
            raise self.highest.refuse(
                f"{highest:g}",
                f"is not above {self.lowest.variable}={lowest:g}",
                f"a number above {lowest:g}",
            )
        return lowest, highest, count


def _positive(variable: str, default: float) -> float:
    word = _environment.text(variable, "")
    try:
        value = float(word) if word else default
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise _environment.bad(variable, word, "is not a bound", "a number above 0")
    return value


def _within(lowest: int, highest: int, what: str) -> Callable[[str, int], int]:
    def read(variable: str, default: int) -> int:
        word = _environment.text(variable, "")
        if not word:
            return default
        if not word.isdecimal() or not lowest <= int(word) <= highest:
            raise _environment.bad(
                variable, word, f"is not {what}", f"a whole number from {lowest} to {highest}"
            )
        return int(word)

    return read


_bucket_count = _within(3, 200, "a number of buckets")


REQUEST_PLANE = Choice("DYN_REQUEST_PLANE", "tcp", "how requests travel")
DISCOVERY_BACKEND = Choice("DYN_DISCOVERY_BACKEND", None, "how instances are found")
FILE_KV = Setting("DYN_FILE_KV", None, _directory, "directory of the discovery `file`")
XDG_RUNTIME_DIR = Setting(
    "XDG_RUNTIME_DIR", None, _existing_directory, "where that directory is made, if this one exists"
)
TCP_RPC_HOST = Setting(
    "DYN_TCP_RPC_HOST", "127.0.0.1", _listening_host, "where the request plane `tcp` listens"
)
SYSTEM_ADVERTISE_HOST = Setting(
    "DYN_SYSTEM_ADVERTISE_HOST", None, _host, "host of the status server, for others"
)
POD_IP = Setting("POD_IP", None, _host, "address of the Kubernetes pod, `status.podIP`")
NATS_SERVER = Setting("NATS_SERVER", "nats://localhost:4222", _nats_servers, "where NATS is")
NATS_AUTH_USERNAME = Setting("NATS_AUTH_USERNAME", None, _optional_word, "user of NATS")
NATS_AUTH_PASSWORD = Setting("NATS_AUTH_PASSWORD", None, _optional_word, "its password")
NATS_AUTH_TOKEN = Setting(
    "NATS_AUTH_TOKEN", None, _optional_word, "token, instead of user and password"
)
NATS_AUTH_CREDENTIALS_FILE = Setting(
    "NATS_AUTH_CREDENTIALS_FILE", None, _file, "file with the JWT and the seed of a user"
)
NATS_TLS_CA = Setting("NATS_TLS_CA", None, _file, "PEM file: who may sign NATS' certificate")
NATS_TLS_CERT = Setting("NATS_TLS_CERT", None, _file, "PEM file: the client's certificate")
NATS_TLS_KEY = Setting("NATS_TLS_KEY", None, _file, "PEM file: the key of the certificate")
DISCOVERY_LEASE = Setting(
    "DYN_DISCOVERY_LEASE",
    7.0,
    _environment.seconds,
    "seconds that an entry of the discovery `nats` outlives its process",
)
GRACEFUL_SHUTDOWN_TIMEOUT = Setting(
    "DYN_WORKER_GRACEFUL_SHUTDOWN_TIMEOUT",
    30.0,
    _environment.seconds,
    "seconds that running requests have at the end",
)
METRICS_WORKER_ID = Setting(
    "DYN_METRICS_WORKER_ID",
    False,
    _flag,
    "add the label `worker_id`, which changes with each start, to what the serving side counts",
)
HEALTH_CHECK_PAYLOAD = Setting(
    "DYN_HEALTH_CHECK_PAYLOAD",
    None,
    _json_object,
    "the payload of `dynamo.health_check`, instead of the program's",
)
LOG = Setting("DYN_LOG", "info", _environment.text, "levels of `configure_dynamo_logging()`")
LOGGING_JSONL = Setting(
    "DYN_LOGGING_JSONL", False, _flag, "have `configure_dynamo_logging()` write JSON lines"
)
HEALTH_CHECK_ENABLED = Setting(
    "DYN_HEALTH_CHECK_ENABLED", False, _flag, "send canaries to endpoints with a payload"
)
CANARY_WAIT_TIME = Setting(
    "DYN_CANARY_WAIT_TIME",
    10.0,
    _environment.seconds,
    "seconds without progress before a canary is sent",
)
HEALTH_CHECK_REQUEST_TIMEOUT = Setting(
    "DYN_HEALTH_CHECK_REQUEST_TIMEOUT",
    3.0,
    _environment.seconds,
    "seconds that the canary's first item may take",
)

SETTINGS: tuple[Setting[Any], ...] = (
    REQUEST_PLANE,
    DISCOVERY_BACKEND,
    FILE_KV,
    XDG_RUNTIME_DIR,
    TCP_RPC_HOST,
    SYSTEM_ADVERTISE_HOST,
    POD_IP,
    NATS_SERVER,
    NATS_AUTH_USERNAME,
    NATS_AUTH_PASSWORD,
    NATS_AUTH_TOKEN,
    NATS_AUTH_CREDENTIALS_FILE,
    NATS_TLS_CA,
    NATS_TLS_CERT,
    NATS_TLS_KEY,
    DISCOVERY_LEASE,
    GRACEFUL_SHUTDOWN_TIMEOUT,
    METRICS_WORKER_ID,
    HEALTH_CHECK_ENABLED,
    CANARY_WAIT_TIME,
    HEALTH_CHECK_REQUEST_TIMEOUT,
    HEALTH_CHECK_PAYLOAD,
    LOG,
    LOGGING_JSONL,
)
"""All of them, in the order of the table in ``docs/settings.md``."""

HTTP_HOST = Setting("DYN_HTTP_HOST", "0.0.0.0", _environment.text, "where the frontend listens")
HTTP_PORT = Setting("DYN_HTTP_PORT", 8000, _within(0, 65_535, "a port"), "its port")
ROUTER_MODE = Choice("DYN_ROUTER_MODE", None, "which worker gets a request")
HTTP_MAX_REQUESTS = Setting(
    "DYN_HTTP_MAX_REQUESTS",
    0,
    _within(0, 1_000_000, "a number of requests"),
    "requests in flight",
)
HTTP_BODY_LIMIT_MB = Setting(
    "DYN_HTTP_BODY_LIMIT_MB",
    45,
    _within(1, 1024, "a number of mebibytes"),
    "mebibytes of the body of a request",
)
METRICS_PREFIX = Setting(
    "DYN_METRICS_PREFIX", "dynamo_frontend", _environment.text, "prefix of the metrics' names"
)
REQUEST_DURATION = HistogramBounds("REQUEST_DURATION", 1.0, 512.0, 10)
INPUT_SEQUENCE = HistogramBounds("INPUT_SEQUENCE", 50.0, 128_000.0, 12)
OUTPUT_SEQUENCE = HistogramBounds("OUTPUT_SEQUENCE", 50.0, 32_000.0, 10)
TTFT = HistogramBounds("TTFT", 0.001, 480.0, 18)
ITL = HistogramBounds("ITL", 0.001, 80.0, 20)

FRONTEND_SETTINGS: tuple[Setting[Any], ...] = (
    HTTP_HOST,
    HTTP_PORT,
    ROUTER_MODE,
    HTTP_MAX_REQUESTS,
    HTTP_BODY_LIMIT_MB,
    METRICS_PREFIX,
    *REQUEST_DURATION.settings,
    *INPUT_SEQUENCE.settings,
    *OUTPUT_SEQUENCE.settings,
    *TTFT.settings,
    *ITL.settings,
)
"""Those of ``dynamo.frontend``, in the order of their table in ``docs/settings.md``."""
