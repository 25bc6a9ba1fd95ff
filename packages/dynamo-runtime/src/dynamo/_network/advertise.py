"""The address under which other hosts reach a status server that listens on every address."""

from __future__ import annotations

from dynamo._settings import POD_IP, SYSTEM_ADVERTISE_HOST
from dynamo.discovery import Discovery

_ANY_HOST = ("0.0.0.0", "[::]")


async def advertised(listening: str, discovery: Discovery) -> str:
    """Return the ``host:port`` that Prometheus is to scrape.

    The port is that of ``listening``, the host the first of: ``DYN_SYSTEM_ADVERTISE_HOST``; the
    host listened on, if it is one; ``POD_IP``; the address from which this host reaches discovery.

    Raises ``ValueError`` if a variable holds no host.
    """
    host, _, port = listening.rpartition(":")
    given = SYSTEM_ADVERTISE_HOST.read()
    if given is None and host in _ANY_HOST:
        given = POD_IP.read() or await discovery.own_address()
    return f"{given or host}:{port}"
