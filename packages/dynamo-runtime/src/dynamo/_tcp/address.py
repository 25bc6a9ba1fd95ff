"""Where a hub is found."""

from __future__ import annotations

import functools
import ipaddress
import os
from typing import NamedTuple


class Address(NamedTuple):
    """The place of a hub, and of a target within it.

    As a text it holds the key: it is to be stored where only users of the endpoint can read it, and
    stays out of messages.
    """

    host: str
    port: int
    peer: bytes
    """The id of the hub."""
    key: bytes
    loopback: str
    """Names the loopback that ``host`` belongs to, empty for a host that others reach."""
    target: str

    def __str__(self) -> str:
        """Return the text that ``parse`` reads."""
        place = f"{self.host}:{self.port}"
        return f"{place}/{self.peer.hex()}/{self.key.hex()}/{self.loopback}/{self.target}"

    @property
    def place(self) -> str:
        """``host:port``, for messages."""
        return f"{self.host}:{self.port}"

    @property
    def is_reachable(self) -> bool:
        """Whether this host can reach it: the loopback of another host cannot be reached."""
        return not self.loopback or self.loopback == own_loopback()

    @classmethod
    @functools.lru_cache(4096)  # a client reads all of them for each request
    def parse(cls, text: str) -> Address:
        """Read what ``str`` returned. Raises ``ValueError`` for anything else."""
        place, peer, key, loopback, target = text.split("/", 4)
        host, _, port = place.rpartition(":")
        return cls(host, int(port), bytes.fromhex(peer), bytes.fromhex(key), loopback, target)


def is_loopback(host: str) -> bool:
    """Whether an address, as a socket gives it, is reached by this host alone."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


@functools.cache
def own_loopback() -> str:
    """Return the name of this host's loopback: each network namespace has its own."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        return f"{boot}.{os.stat('/proc/self/ns/net').st_ino}"
    except OSError:
        return os.uname().nodename.replace("/", "_")
