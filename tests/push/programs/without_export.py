"""Prints what a program without export imports."""

from __future__ import annotations

import sys

from dynamo_metrics import Runtime

Runtime().shutdown()
print([name for name in sys.modules if name.startswith("dynamo_metrics.push")])
