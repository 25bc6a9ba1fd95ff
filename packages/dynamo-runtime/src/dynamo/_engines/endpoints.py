"""Where an engine is reached."""

from __future__ import annotations

import argparse

DEFAULT = "dyn://dynamo.backend.generate"

_SCHEME = "dyn://"

Path = tuple[str, str, str]
"""Namespace, component, endpoint."""


def endpoint_path(text: str) -> Path:
    """Read ``dyn://namespace.component.endpoint``, as an argument of the command line.

    Dots in front of the last two parts belong to the namespace.

    Raises ``argparse.ArgumentTypeError`` for anything else.
    """
    parts = text.removeprefix(_SCHEME).rsplit(".", 2)
    if not text.startswith(_SCHEME) or len(parts) != 3 or not all(parts):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an endpoint: use dyn://namespace.component.endpoint"
        )
    namespace, component, name = parts
    return namespace, component, name
