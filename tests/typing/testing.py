"""What tests of metrics use."""

from __future__ import annotations

from typing_extensions import assert_type

from dynamo.runtime import DistributedRuntime
from dynamo_metrics.testing import assert_delta, sample


def samples(runtime: DistributedRuntime) -> None:
    assert_type(sample(runtime, "a", model="b", status=200), float | None)
    sample(runtime.metrics, "a")
    sample(runtime, "a_bucket", le=0.5)
    with assert_delta(runtime.namespace("a"), "a", 2.5, model="b"):
        pass
    sample("a")  # type: ignore[call-arg, arg-type]
