"""The fenced blocks of a Markdown document, and the Python snippets among them.

A snippet runs in a process of its own. A comment on the line before the fence changes that:
``<!-- python: continues -->`` has it run after the snippet above, in the same process, and
``<!-- python: DYN_SYSTEM_PORT=0 -->`` sets variables. The ``text`` block that follows, if any, is
what it prints.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent

NVIDIA = ROOT / "docs" / "nvidia-dynamo.md"
"""The document whose snippets run in NVIDIA's Dynamo: by tests/guests/nvidia."""

_RUN = """
import json, sys

document, steps = json.load(sys.stdin)
namespace = {"__name__": "__main__"}
for line, code, end in steps:
    exec(compile("\\n" * (line - 1) + code, document, "exec"), namespace)
    print(end)
"""
"""Runs the steps in one namespace. In a traceback, lines have their numbers in the document."""

_END = "-- end of the step --"

_BLOCK = re.compile(
    r"^(?:<!-- python: (?P<how>[^\n]+) -->\n)?```(?P<language>\S*)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """What stands between two fences."""

    line: int
    """The number of its first line in the document."""
    language: str
    body: str
    how: str
    """What the comment before it says, or nothing."""
    follows: bool
    """Whether only blank lines part it from the block before."""


class Step(NamedTuple):
    """One snippet, and what it must print."""

    line: int
    code: str
    output: str


@dataclass
class Program:
    """Snippets that run in one process, and the variables that it finds set."""

    document: str
    settings: dict[str, str]
    steps: list[Step] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.document}:{self.steps[0].line}"


def documents() -> list[Path]:
    """The documents of the project."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    end = 0
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("body")) + 1
        follows = not text[end : found.start()].strip()
        yield Block(line, found["language"], found["body"], found["how"] or "", follows)
        end = found.end()


def block_with(document: Path, language: str, word: str) -> tuple[str, str]:
    """The body of the only block of a language with a word in it, and that of the block after."""
    found = list(blocks(document.read_text()))
    [place] = [
        place
        for place, block in enumerate(found)
        if block.language == language and word in block.body
    ]
    return found[place].body, found[place + 1].body if place + 1 < len(found) else ""


def programs(document: Path) -> list[Program]:
    """The Python snippets of a document, as programs to run."""
    found: list[Program] = []
    step = None
    for block in blocks(document.read_text()):
        if block.language == "python":
            step = Step(block.line, block.body, "")
            if block.how != "continues":
                settings = dict(pair.split("=", 1) for pair in block.how.split())
                found.append(Program(str(document.relative_to(ROOT)), settings))
            found[-1].steps.append(step)
        elif block.language == "text" and block.follows and step is not None:
            found[-1].steps[-1] = step._replace(output=block.body)
            step = None
        else:
            step = None
    return found


def printed(program: Program, directory: Path) -> list[str]:
    """What each step of a program prints in a process of its own, and what comes after the last."""
    steps = [(step.line, step.code, _END) for step in program.steps]
    environment = {name: os.environ[name] for name in os.environ if name[:4] != "DYN_"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _RUN],
        input=json.dumps([program.document, steps]),
        env=environment | {"DYN_METRICS_CALLBACK_TIMEOUT": "60"} | program.settings,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split(f"{_END}\n")
