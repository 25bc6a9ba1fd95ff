"""Prometheus finds a group once, however many of its processes have registered."""

from __future__ import annotations

from dynamo.discovery import Target
from dynamo.fleet._fleet import _sorted


def target(address: str, instance: str, group: str | None = None) -> Target:
    labels = {"namespace": "ns", "component": "comp", "instance": instance}
    return Target(address, labels if group is None else {**labels, "group": group})


def test_processes_that_share_their_metrics_are_listed_once() -> None:
    listed = _sorted(
        [
            target("host:3", "3", "host:/run/metrics"),
            target("host:2", "2", "host:/run/metrics"),
            target("host:1", "1"),
            target("other:2", "4", "other:/run/metrics"),
        ]
    )
    assert [one.address for one in listed] == ["host:1", "host:2", "other:2"]
