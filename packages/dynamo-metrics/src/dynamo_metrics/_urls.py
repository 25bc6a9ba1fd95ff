"""URLs with ``user:password@``: what is sent of it, and what may be shown."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote, urlsplit

_CREDENTIALS = re.compile(r"^((?:[^/?#]*//)?)[^/?#]*@")


def without_credentials(url: str) -> str:
    """Return a URL, or ``host:port``, as messages may show it."""
    return _CREDENTIALS.sub(r"\1", url)


def basic_auth(url: str) -> dict[str, str]:
    """Return the header of basic authentication for a URL; empty if the URL names no user."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    return authorization(unquote(parts.username), unquote(parts.password or ""))


def authorization(user: str, password: str) -> dict[str, str]:
    """Return the header of basic authentication: https://www.rfc-editor.org/rfc/rfc7617."""
    secret = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {secret}"}
