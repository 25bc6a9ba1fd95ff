"""Each side proves that it has the key, which itself is never sent.

| from | bytes |
|---|---|
| the listener | ``MAGIC``, a nonce |
| the dialler | ``MAGIC``, a nonce, its id, the proof of the dialler |
| the listener | the proof of the listener |

A proof is the HMAC of both nonces and the dialler's id. So neither a program that took over the
port of a worker that has ended, nor one that sees such a connection, learns what lets it in.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Generator

MAGIC = b"DYN\x01"
NONCE_BYTES = 16
ID_BYTES = 16
_PROOF_BYTES = 32


class RefusedError(Exception):
    """The peer does not have the key, or does not speak this protocol. The text says which."""


Handshake = Generator[tuple[bytes, int], bytes, bytes]
"""Yields what to send and how many bytes to wait for; returns the peer's id."""


def listener(key: bytes) -> Handshake:
    """Let in a peer that has the key. Raises ``RefusedError``."""
    own = secrets.token_bytes(NONCE_BYTES)
    received = yield MAGIC + own, len(MAGIC) + NONCE_BYTES + ID_BYTES + _PROOF_BYTES
    rest = _after_magic(received)
    theirs, peer = rest[:NONCE_BYTES], rest[NONCE_BYTES:-_PROOF_BYTES]
    _check(rest[-_PROOF_BYTES:], _proof(key, b"dialler", own, theirs, peer))
    yield _proof(key, b"listener", own, theirs, peer), 0
    return peer


def dialler(key: bytes, own_id: bytes, peer: bytes) -> Handshake:
    """Get in at the listener with the id ``peer``. Raises ``RefusedError``."""
    own = secrets.token_bytes(NONCE_BYTES)
    received = yield b"", len(MAGIC) + NONCE_BYTES
    theirs = _after_magic(received)
    proof = _proof(key, b"dialler", theirs, own, own_id)
    received = yield MAGIC + own + own_id + proof, _PROOF_BYTES
    _check(received, _proof(key, b"listener", theirs, own, own_id))
    return peer


def _after_magic(received: bytes) -> bytes:
    if not received.startswith(MAGIC):
        raise RefusedError("it does not speak this protocol")
    return received[len(MAGIC) :]


def _proof(key: bytes, role: bytes, listening: bytes, dialling: bytes, dialler_id: bytes) -> bytes:
    return hmac.digest(key, role + listening + dialling + dialler_id, "sha256")


def _check(received: bytes, expected: bytes) -> None:
    if not hmac.compare_digest(received, expected):
        raise RefusedError("it has a wrong key")
