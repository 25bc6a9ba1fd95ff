"""Serves outside of every group."""

from __future__ import annotations

import tests.programs.served  # noqa: F401

input()
