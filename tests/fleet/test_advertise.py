"""The address that a runtime registers is one under which others reach its status server."""

from __future__ import annotations

import asyncio
import re

import pytest

from dynamo._network.advertise import advertised
from dynamo.discovery.memory import MemoryDiscovery


class Elsewhere(MemoryDiscovery):
    """A discovery that this host reaches from 10.1.2.3."""

    async def own_address(self) -> str:
        return "10.1.2.3"


def address(listening: str) -> str:
    async def ask() -> str:
        return await advertised(listening, Elsewhere())

    return asyncio.run(ask())


@pytest.fixture(autouse=True)
def _no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POD_IP", raising=False)


@pytest.mark.parametrize(
    ("listening", "settings", "expected"),
    [
        ("192.0.2.1:8081", {}, "192.0.2.1:8081"),
        ("[2001:db8::1]:8081", {}, "[2001:db8::1]:8081"),
        ("0.0.0.0:8081", {}, "10.1.2.3:8081"),
        ("[::]:8081", {}, "10.1.2.3:8081"),
        ("0.0.0.0:8081", {"POD_IP": "10.9.9.9"}, "10.9.9.9:8081"),
        ("0.0.0.0:8081", {"POD_IP": "2001:db8::2"}, "[2001:db8::2]:8081"),
        ("127.0.0.1:8081", {"POD_IP": "10.9.9.9"}, "127.0.0.1:8081"),
        ("0.0.0.0:8081", {"DYN_SYSTEM_ADVERTISE_HOST": "gpu-1.lan"}, "gpu-1.lan:8081"),
        ("127.0.0.1:8081", {"DYN_SYSTEM_ADVERTISE_HOST": "gpu-1.lan"}, "gpu-1.lan:8081"),
        ("0.0.0.0:1", {"DYN_SYSTEM_ADVERTISE_HOST": "h", "POD_IP": "10.9.9.9"}, "h:1"),
        ("0.0.0.0:1", {"DYN_SYSTEM_ADVERTISE_HOST": "[::1]"}, "[::1]:1"),
        ("0.0.0.0:1", {"DYN_SYSTEM_ADVERTISE_HOST": " "}, "10.1.2.3:1"),
    ],
)
def test_the_host_is_the_first_that_is_known(
    monkeypatch: pytest.MonkeyPatch, listening: str, settings: dict[str, str], expected: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert address(listening) == expected


@pytest.mark.parametrize("variable", ["DYN_SYSTEM_ADVERTISE_HOST", "POD_IP"])
@pytest.mark.parametrize("value", ["http://host", "host:8081", "a b", "host/metrics"])
def test_what_is_no_host_is_refused_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    rule = f"{variable}={value} is not a host: use a name or an IP address, without a port"
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}$"):
        address("0.0.0.0:8081")
