"""A callback that cannot get the GIL."""

from __future__ import annotations

from tests.programs.served import metrics


def callback():
    print("ran")


metrics.register_callback(callback)
