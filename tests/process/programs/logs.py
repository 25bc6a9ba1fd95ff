"""Serves, with a log of level INFO on stderr."""

from __future__ import annotations

import logging

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")

import tests.programs.served  # noqa: E402, F401

print("ready")
input()
