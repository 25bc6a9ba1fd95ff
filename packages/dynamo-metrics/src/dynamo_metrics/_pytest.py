"""The fixture of ``dynamo_metrics.testing``, which pytest finds by an entry point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dynamo_metrics import Runtime


@pytest.fixture
def metrics_runtime() -> Iterator[Runtime]:
    """Return a runtime of the test's own, without a server, shut down after the test."""
    from dynamo_metrics import Runtime  # most sessions do without it

    runtime = Runtime(port=-1)
    yield runtime
    runtime.shutdown()
