"""Certificates, passwords and clients of a server with a web config file."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
from pathlib import Path
from typing import Any

import bcrypt
import trustme

from tests.support.client import TIMEOUT_SECONDS, Answer

USER, PASSWORD = "prometheus", "a secret: of course"
"""Who may scrape."""


def hashed(password: str) -> str:
    """The bcrypt hash of a password, at the least cost."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


class Files:
    """A folder with a web config file, the certificates that it names, and those of clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "web.yml"
        self.ca = trustme.CA()
        self.other_ca = trustme.CA()
        self.ca.cert_pem.write_to_path(self / "ca.pem")
        self.write_server_certificate()
        self.write_certificate("client", self.ca.issue_cert("scraper@example.org"))
        self.write_certificate("stranger", self.other_ca.issue_cert("scraper@example.org"))

    def __truediv__(self, name: str) -> str:
        return str(self.folder / name)

    def write_server_certificate(self) -> None:
        """Makes a new certificate and key of the server."""
        self.write_certificate("server", self.ca.issue_cert("localhost", "127.0.0.1"))

    def write(self, users: dict[str, str] | None = None, **tls: Any) -> None:
        """Writes the file: TLS with these settings, and users with their passwords."""
        config: dict[str, Any] = {
            "tls_server_config": {"cert_file": "server.pem", "key_file": "server.key", **tls}
        }
        if users:
            config["basic_auth_users"] = {user: hashed(users[user]) for user in users}
        self.replace(json.dumps(config))  # JSON is YAML too

    def replace(self, content: str) -> None:
        """Replaces the file at once, so that no reader finds half of it."""
        new = self.folder / "new.yml"
        new.write_text(content)
        new.replace(self.path)

    def context(self, client: str | None = None) -> ssl.SSLContext:
        """What a client needs that trusts the server, with a certificate of its own or without."""
        context = ssl.create_default_context(cafile=self / "ca.pem")
        if client is not None:
            context.load_cert_chain(self / f"{client}.pem", self / f"{client}.key")
        return context

    def write_certificate(self, name: str, certificate: trustme.LeafCert) -> None:
        """Writes a certificate and its key."""
        certificate.private_key_pem.write_to_path(self / f"{name}.key")
        certificate.cert_chain_pems[0].write_to_path(self / f"{name}.pem")


def authorization(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """The header of basic auth."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def fetch_tls(
    address: str,
    context: ssl.SSLContext,
    path: str = "/metrics",
    headers: dict[str, str] | None = None,
) -> Answer:
    """The answer to one request on a TLS connection of its own."""
    host, port = address.rsplit(":", 1)
    connection = http.client.HTTPSConnection(
        host, int(port), timeout=TIMEOUT_SECONDS, context=context
    )
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
