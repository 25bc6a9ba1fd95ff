"""The credentials file of a user: a JWT, and the seed of the key that signs what a server asks for.

Needs nkeys. The file is read for each connection, so that it may be renewed. nats-py reads such
files too, but never ends if there is no JWT in them.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

from dynamo._settings import NATS_AUTH_CREDENTIALS_FILE

_BLOCK = re.compile(r"-----BEGIN (.+?)-----\s+(\S+)\s+-----")


class CredentialsFile:
    """A credentials file as ``nsc`` writes it."""

    def __init__(self, path: str) -> None:
        """Raise ``ImportError`` without nkeys, ``ValueError`` for a file that cannot be used."""
        try:
            import nkeys  # noqa: F401 - what sign() needs
        except ImportError:
            raise ImportError(
                f"{NATS_AUTH_CREDENTIALS_FILE.variable} needs nkeys: pip install "
                "'dynamo-runtime[nats]'"
            ) from None
        self._path = path
        self.sign("")

    def jwt(self) -> bytes:
        """Return the JWT. Raises ``ValueError`` if there is none."""
        return self._block("NATS USER JWT").encode()

    def sign(self, nonce: str) -> bytes:
        """Return the signature of a server's nonce. Raises ``ValueError``."""
        import nkeys

        self.jwt()
        try:
            keys = nkeys.from_seed(bytearray(self._block("USER NKEY SEED").encode()))
            signature = base64.b64encode(keys.sign(nonce.encode()))
            keys.wipe()
        except (nkeys.NkeysError, ValueError) as error:
            raise self._bad(f"has no usable seed ({error})") from None
        return signature

    def _block(self, name: str) -> str:
        try:
            blocks = dict(_BLOCK.findall(Path(self._path).read_text()))
        except (OSError, ValueError) as error:
            raise self._bad(f"cannot be read ({error})") from None
        if name not in blocks:
            raise self._bad(f"has no {name}")
        return str(blocks[name])

    def _bad(self, problem: str) -> ValueError:
        return NATS_AUTH_CREDENTIALS_FILE.refuse(
            self._path, problem, "a file that nsc generate creds has written"
        )
