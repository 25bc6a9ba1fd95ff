"""The families of an engine whose processes write files, as a runtime shows them."""

from __future__ import annotations

import prometheus_client
from vllm.v1.metrics.families import Families

from dynamo.runtime import DistributedRuntime
from dynamo.vllm._metrics import show_families

Families("tiny").children["vllm:prompt_tokens", ""].inc(5)
prometheus_client.Counter("lmcache_hits", "As of a library in the engine's process").inc(3)
runtime = DistributedRuntime(callback_timeout=60)
show_families(runtime.namespace("ns").component("comp").endpoint("generate"), "tiny")
print(runtime.metrics.prometheus_expfmt())
