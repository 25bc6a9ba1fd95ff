"""``docs/nvidia-dynamo.md``: its snippets run, and its first screen is what Dynamo answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.guests.nvidia.host import metrics_text
from tests.support.documents import NVIDIA, Program, block_with, printed, programs

FIRST, *REST = programs(NVIDIA)


@pytest.mark.parametrize("program", REST, ids=str)
def test_a_snippet_runs_and_prints_what_stands_under_it(program: Program, tmp_path: Path) -> None:
    assert printed(program, tmp_path) == [*(step.output for step in program.steps), ""]


@pytest.mark.usefixtures("installed")
def test_the_first_screen_shows_what_dynamo_answers() -> None:
    names: dict[str, Any] = {}
    exec(FIRST.steps[0].code, names)
    _, shown = block_with(NVIDIA, "sh", "curl")
    answer = metrics_text(names["runtime"])
    lines = [line for line in answer.splitlines() if line and "dynamo_runtime" not in line]
    assert [_without_values(line) for line in lines] == [
        _without_values(line) for line in shown.splitlines()
    ]


def _without_values(line: str) -> str:
    """A line without what differs from run to run."""
    return re.sub(r'worker_id="[0-9a-f]+"\} [\d.]+', "", line)
