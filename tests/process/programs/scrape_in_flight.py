"""A callback that keeps a scrape waiting until told."""

from __future__ import annotations

import threading

from tests.programs.served import metrics


def callback():
    print("in the callback")
    input()


metrics.register_callback(callback)
print("ready")
threading.Event().wait()
