"""NATS servers that want to know who comes, and TLS: nothing is sent in clear text by mistake."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import nkeys
import pytest
import trustme

from dynamo._nats import connection
from dynamo.runtime import DistributedRuntime
from tests.support.nats import NatsServer
from tests.support.serving import collect, endpoint_of, served

Run = Callable[..., NatsServer]


async def echo(request: Any) -> AsyncIterator[Any]:
    yield request


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a server with a configuration, and has everything in this process go there."""
    running = []

    def run(config: str, scheme: str = "nats", host: str = "127.0.0.1") -> NatsServer:
        server = NatsServer(config=config)
        running.append(server)
        monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
        port = server.url.rpartition(":")[2]
        monkeypatch.setenv("NATS_SERVER", f"{scheme}://{host}:{port}")
        return server

    yield run
    for server in running:
        server.close()


@pytest.fixture(autouse=True)
def _few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt fails if the server does not answer within 2 s."""
    monkeypatch.setattr(connection, "_CONNECT_ATTEMPTS", 2)
    monkeypatch.setattr(connection, "_RETRY_INTERVAL", 0.01)


async def works() -> None:
    """A request is answered."""
    async with DistributedRuntime() as runtime, served(endpoint_of(runtime), echo) as client:
        assert await collect(await client.generate(1)) == [1]


async def is_refused(reason: str) -> None:
    async with DistributedRuntime() as runtime:
        with pytest.raises(ConnectionError, match=reason):
            await endpoint_of(runtime).client()


async def test_user_and_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run('authorization { user: me, password: "se cret" }')
    await is_refused("Authorization Violation")
    monkeypatch.setenv("NATS_AUTH_USERNAME", "me")
    monkeypatch.setenv("NATS_AUTH_PASSWORD", "se cret")
    await works()


async def test_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run('authorization { token: "t0ken" }')
    monkeypatch.setenv("NATS_AUTH_TOKEN", "wrong")
    await is_refused("Authorization Violation")
    monkeypatch.setenv("NATS_AUTH_TOKEN", "t0ken")
    await works()


async def test_credentials_file(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    operator, account, system, user = (keys_of(kind) for kind in "OAAU")
    limits = {"subs": -1, "data": -1, "payload": -1}
    storage = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
    allowed = {**limits, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}
    jwts = {
        one.public_key.decode(): jwt(
            operator, one, {"type": "account", "limits": {**allowed, **(limit or {})}}
        )
        for one, limit in ((account, storage), (system, None))
    }
    operator_jwt = jwt(operator, operator, {"type": "operator"})
    preload = ", ".join(f"{name}: {text}" for name, text in jwts.items())
    run(
        f"operator: {operator_jwt}\nsystem_account: {system.public_key.decode()}\n"
        f"resolver: MEMORY\nresolver_preload: {{ {preload} }}\n"
    )
    await is_refused("Authorization Violation")
    user_jwt = jwt(account, user, {"type": "user", **limits})
    file = tmp_path / "user.creds"
    file.write_text(
        f"-----BEGIN NATS USER JWT-----\n{user_jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
    )
    monkeypatch.setenv("NATS_AUTH_CREDENTIALS_FILE", str(file))
    await works()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no NATS USER JWT"),
        ("-----BEGIN NATS USER JWT-----\nx\n------END", "has no USER NKEY SEED"),
        (
            "-----BEGIN NATS USER JWT-----\nx\n------END\n-----BEGIN USER NKEY SEED-----\nx\n-----",
            "has no usable seed",
        ),
    ],
)
async def test_a_bad_credentials_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, problem: str
) -> None:
    file = tmp_path / "user.creds"
    file.write_text(text)
    monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
    monkeypatch.setenv("NATS_AUTH_CREDENTIALS_FILE", str(file))
    async with DistributedRuntime() as runtime:
        with pytest.raises(ValueError, match=f"^NATS_AUTH_CREDENTIALS_FILE=.*{problem}"):
            await endpoint_of(runtime).client()


class Certificates:
    """An authority, and files with what it has signed."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca, self.cert, self.key = (str(folder / name) for name in ("ca", "cert", "key"))
        authority.cert_pem.write_to_path(self.ca)
        issued = authority.issue_cert("127.0.0.1", "localhost")
        issued.private_key_pem.write_to_path(self.key)
        for pem in issued.cert_chain_pems:
            pem.write_to_path(self.cert, append=True)

    def config(self, more: str = "") -> str:
        return f'tls {{ cert_file: "{self.cert}", key_file: "{self.key}" {more} }}'


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.mark.parametrize("scheme", ["tls", "nats"])
async def test_tls(
    run: Run, monkeypatch: pytest.MonkeyPatch, certificates: Certificates, scheme: str
) -> None:
    run(certificates.config(), scheme)
    await is_refused("certificate verify failed")
    monkeypatch.setenv("NATS_TLS_CA", certificates.ca)
    await works()


async def test_a_certificate_for_another_name_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, certificates: Certificates
) -> None:
    run(certificates.config(), "tls", "127.0.0.2")
    monkeypatch.setenv("NATS_TLS_CA", certificates.ca)
    async with DistributedRuntime() as runtime:
        with pytest.raises(ConnectionError):
            await endpoint_of(runtime).client()


async def test_client_certificates(
    run: Run, monkeypatch: pytest.MonkeyPatch, certificates: Certificates
) -> None:
    run(certificates.config(f'\nca_file: "{certificates.ca}"\nverify: true\n'), "tls")
    monkeypatch.setenv("NATS_TLS_CA", certificates.ca)
    async with DistributedRuntime() as runtime:
        with pytest.raises(ConnectionError):
            await endpoint_of(runtime).client()
    monkeypatch.setenv("NATS_TLS_CERT", certificates.cert)
    monkeypatch.setenv("NATS_TLS_KEY", certificates.key)
    await works()


@pytest.mark.parametrize("with_ca", [False, True])
async def test_a_server_without_tls_gets_no_password(
    monkeypatch: pytest.MonkeyPatch, certificates: Certificates, with_ca: bool
) -> None:
    received: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.11.0","max_payload":1048576}\r\n')
        received.append(await reader.read(2**16))
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
        scheme = "nats" if with_ca else "tls"
        monkeypatch.setenv("NATS_SERVER", f"{scheme}://me:secret@127.0.0.1:{port}")
        if with_ca:
            monkeypatch.setenv("NATS_TLS_CA", certificates.ca)
        await is_refused("the server has no TLS, which was asked for")
    assert received
    assert set(received) == {b""}


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("NATS_AUTH_USERNAME", "me", "NATS_AUTH_USERNAME is set without NATS_AUTH_PASSWORD"),
        ("NATS_TLS_CERT", __file__, "NATS_TLS_CERT is set without NATS_TLS_KEY"),
        ("NATS_TLS_KEY", "/nowhere", "NATS_TLS_KEY=/nowhere cannot be read: No such file"),
        ("NATS_TLS_CA", __file__, f"NATS_TLS_CA={__file__} cannot be used: "),
    ],
)
async def test_a_bad_setting_is_one_line_that_helps(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str
) -> None:
    monkeypatch.setenv("DYN_REQUEST_PLANE", "nats")
    monkeypatch.setenv(variable, value)
    async with DistributedRuntime() as runtime:
        with pytest.raises(ValueError, match=f"^{problem}") as error:
            await endpoint_of(runtime).client()
        assert len(str(error.value).splitlines()) == 1


def keys_of(kind: str) -> Any:
    """New keys of an operator, an account or a user."""
    prefix = {"O": nkeys.PREFIX_BYTE_OPERATOR, "A": nkeys.PREFIX_BYTE_ACCOUNT}.get(
        kind, nkeys.PREFIX_BYTE_USER
    )
    return nkeys.from_seed(nkeys.encode_seed(os.urandom(32), prefix))


def jwt(issuer: Any, subject: Any, claims: dict[str, Any]) -> str:
    """A JWT as NATS reads it, signed by the issuer."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    body = {
        "iat": 1_700_000_000,
        "iss": issuer.public_key.decode(),
        "sub": subject.public_key.decode(),
        "name": "test",
        "nats": {"version": 2, **claims},
    }
    digest = hashlib.sha256(json.dumps(body).encode()).digest()
    body["jti"] = base64.b32encode(digest).rstrip(b"=").decode()
    head = {"typ": "JWT", "alg": "ed25519-nkey"}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (head, body))
    return f"{text}.{encoded(issuer.sign(text.encode()))}"
