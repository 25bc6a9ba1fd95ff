"""A client of vLLM workers, as a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.process import Worker

_PROGRAM = Path(__file__).with_name("programs") / "ask.py"


class Ended(NamedTuple):
    """How a request ended."""

    tokens: int
    reason: str
    """The finish reason, ``left``, or the error."""


class Client(Worker):
    """Sends requests to ``dyn://dynamo.backend.generate``."""

    def __init__(self, settings: dict[str, str]) -> None:
        super().__init__([sys.executable, _PROGRAM], settings)

    def send(self, *requests: dict[str, Any], leaves: bool = False) -> None:
        """Send requests, all at once, and leave each after its first item if it ``leaves``."""
        self.tell(json.dumps([requests, leaves]))
        assert self.line() == "sent"

    def answers(self) -> list[Ended]:
        """How the requests sent have ended, which must happen."""
        return [Ended(*answer) for answer in json.loads(self.line())]
