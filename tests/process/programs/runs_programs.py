"""Runs programs while it is scraped."""

from __future__ import annotations

import subprocess

import tests.programs.served  # noqa: F401

for _ in range(10):
    assert subprocess.run(["true"], preexec_fn=lambda: None).returncode == 0
print("done")
input()
