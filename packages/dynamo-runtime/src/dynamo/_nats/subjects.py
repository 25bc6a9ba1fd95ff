"""Parts of NATS subjects, and what NATS itself says in a message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nats.aio.msg import Msg

_NO_RESPONDERS = "503"
"""The status of NATS' response when a subject has no subscriber."""
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_SUBJECT = re.compile(r"[^\s.*>\x00-\x20\x7f]+(?:\.[^\s.*>\x00-\x20\x7f]+)*")
_MAX_SUBJECT_BYTES = 1024
"""Limit of a subject that another program names. A server takes lines of 4,096 bytes, two subjects
among them, and ends the connection at a longer one."""


def is_subject(text: str) -> bool:
    """Whether messages can be published to a subject that another program has named."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return size <= _MAX_SUBJECT_BYTES and _SUBJECT.fullmatch(text) is not None


def is_no_responders(message: Msg) -> bool:
    """Whether NATS sent this message because a request's subject has no subscriber."""
    return bool(message.headers) and (message.headers or {}).get("Status") == _NO_RESPONDERS


def token(name: str) -> str:
    """Return a name as one part of a NATS subject, which is one part of a key as well.

    Letters, digits, ``-`` and ``_`` stay, every other byte of the UTF-8 becomes ``=`` and two hex
    digits. So different names stay different.
    """
    return "".join(
        chr(byte) if byte in _PLAIN else f"={byte:02x}"
        for byte in name.encode("utf-8", "surrogatepass")
    )
