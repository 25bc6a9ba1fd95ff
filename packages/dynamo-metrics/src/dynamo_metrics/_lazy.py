"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping


def imported(package: str, name: str, homes: Mapping[str, str]) -> object:
    """Return what a package has under a name, from its module in ``homes``: its ``__getattr__``.

    Raises ``AttributeError``, as Python does, for a name that is not among them.
    """
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(homes[name]), name)
    setattr(sys.modules[package], name, value)
    return value
