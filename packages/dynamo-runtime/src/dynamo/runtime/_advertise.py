"""Where others reach a status server that listens on every address."""

from __future__ import annotations

import ipaddress
import re

from dynamo.discovery import Discovery
from dynamo_metrics import _environment

VARIABLE = "DYN_SYSTEM_ADVERTISE_HOST"
_POD = "POD_IP"
"""What Kubernetes is usually asked to put there: ``status.podIP``."""

_ANYWHERE = ("0.0.0.0", "[::]")
_NAME = re.compile(r"[\w.-]+")


async def advertised(listening: str, discovery: Discovery) -> str:
    """Return the ``host:port`` that Prometheus is to scrape.

    The port is that of ``listening``, the host the first of: ``DYN_SYSTEM_ADVERTISE_HOST``; the
    host listened on, if it is one; ``POD_IP``; the address from which this host reaches discovery.

    Raises ``ValueError`` if a variable holds no host.
    """
    host, _, port = listening.rpartition(":")
    given = advertised_host()
    if given is None and host in _ANYWHERE:
        given = _host(_POD) or await discovery.own_address()
    return f"{given or host}:{port}"


def advertised_host() -> str | None:
    """Return what ``DYN_SYSTEM_ADVERTISE_HOST`` has; ``ValueError`` if that is no host."""
    return _host(VARIABLE)


def _host(variable: str) -> str | None:
    host = _environment.text(variable, "")
    if not host:
        return None
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        if not _NAME.fullmatch(host):
            raise _environment.bad(
                variable, host, "is not a host", "a name or an IP address, without a port"
            ) from None
        return host
    return f"[{address}]" if address.version == 6 else str(address)
