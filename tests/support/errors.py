"""What a refusal must look like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def refused(
    kind: type[BaseException], *parts: str
) -> Iterator[pytest.ExceptionInfo[BaseException]]:
    """Expects an exception whose message is one line and holds all parts, in their order."""
    with pytest.raises(kind) as caught:
        yield caught
    message = str(caught.value)
    assert message.splitlines() == [message], f"not one line: {message!r}"
    position = 0
    for part in parts:
        found = message.find(part, position)
        assert found >= 0, f"{part!r} is missing (here) in: {message}"
        position = found + len(part)
