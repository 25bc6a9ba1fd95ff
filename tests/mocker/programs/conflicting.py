"""A mocker whose wrapper creates a metric that conflicts with the engine's."""

from __future__ import annotations

import sys

from dynamo.mocker import main
from tests.mocker.test_wrap import conflicting

sys.argv = ["worker.py", "--model", "m"]
main(conflicting)
