"""Where NATS is, and how a process shows who it is."""

from __future__ import annotations

import ssl
from typing import Any, NamedTuple

from dynamo._settings import (
    NATS_AUTH_CREDENTIALS_FILE,
    NATS_AUTH_PASSWORD,
    NATS_AUTH_TOKEN,
    NATS_AUTH_USERNAME,
    NATS_SERVER,
    NATS_TLS_CA,
    NATS_TLS_CERT,
    NATS_TLS_KEY,
)
from dynamo_metrics._urls import without_credentials


class Options(NamedTuple):
    """The settings of a connection, all that have to do with NATS."""

    servers: tuple[str, ...]
    username: str | None
    password: str | None
    token: str | None
    credentials_file: str | None
    ca: str | None
    cert: str | None
    key: str | None

    @classmethod
    def read(cls) -> Options:
        """Read the settings. Raises ``ValueError`` for a bad one."""
        options = cls(
            NATS_SERVER.read(),
            NATS_AUTH_USERNAME.read(),
            NATS_AUTH_PASSWORD.read(),
            NATS_AUTH_TOKEN.read(),
            NATS_AUTH_CREDENTIALS_FILE.read(),
            NATS_TLS_CA.read(),
            NATS_TLS_CERT.read(),
            NATS_TLS_KEY.read(),
        )
        for one, other in (
            (NATS_AUTH_USERNAME, NATS_AUTH_PASSWORD),
            (NATS_AUTH_PASSWORD, NATS_AUTH_USERNAME),
            (NATS_TLS_CERT, NATS_TLS_KEY),
            (NATS_TLS_KEY, NATS_TLS_CERT),
        ):
            if one.is_set and not other.is_set:
                raise ValueError(f"{one.variable} is set without {other.variable}: set both")
        return options

    def __str__(self) -> str:
        return ",".join(map(without_credentials, self.servers))

    @property
    def only_tls(self) -> bool:
        """Whether nothing may be sent in clear text, whatever the URLs say."""
        return any((self.ca, self.cert, self.key))

    def arguments(self) -> dict[str, Any]:
        """Return arguments of ``nats.aio.client.Client.connect``.

        Raises ``ValueError`` for files that cannot be used, ``ImportError`` without nkeys if there
        is a credentials file.
        """
        arguments: dict[str, Any] = {
            "servers": list(self.servers),
            "user": self.username,
            "password": self.password,
            "token": self.token,
            "tls": self._ssl_context() if self.only_tls else None,
        }
        if self.credentials_file is not None:
            from dynamo._nats.credentials import CredentialsFile

            file = CredentialsFile(self.credentials_file)
            arguments.update(user_jwt_cb=file.jwt, signature_cb=file.sign)
        return {name: value for name, value in arguments.items() if value is not None}

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise NATS_TLS_CA.refuse(
                str(self.ca), f"cannot be used: {_reason(error)}", "a file of PEM certificates"
            ) from None
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key, password=_no_password)
            except (OSError, ValueError) as error:
                raise NATS_TLS_CERT.refuse(
                    self.cert,
                    f"cannot be used with {NATS_TLS_KEY.variable}={self.key}: {_reason(error)}",
                    "a PEM certificate and its key, which has no password",
                ) from None
        return context


def _no_password() -> str:
    """Answer for a key with a password, instead of asking on the terminal."""
    raise ValueError("the key has a password")


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
