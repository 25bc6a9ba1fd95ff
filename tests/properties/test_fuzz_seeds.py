"""The Python targets of `make fuzz`, on the inputs that are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.python.targets import TARGETS

SEEDS = Path(__file__).parents[2] / "fuzz" / "seeds"


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_arrives_from_another_process_is_taken_or_refused(name: str) -> None:
    for seed in sorted((SEEDS / name).iterdir()):
        TARGETS[name](seed.read_bytes())
