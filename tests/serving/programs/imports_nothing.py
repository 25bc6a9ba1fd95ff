"""Prints what a runtime has imported."""

from __future__ import annotations

import sys

before = set(sys.modules)
import dynamo.runtime  # noqa: E402 - its imports are counted

dynamo.runtime.DistributedRuntime().namespace("ns").component("c").endpoint("e")
loaded = set(sys.modules) - before
names = ("_client", "_network", "_requests", "_serving", "_plane", "discovery", "_nats")
print({name for name in loaded if any(part in name for part in names)})
print({"asyncio", "nats", "pydantic", "json"} & loaded)
