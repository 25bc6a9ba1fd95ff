"""The end of the process: threads get no further work, and servers stop."""

from __future__ import annotations

import atexit

from dynamo_metrics import _native
from dynamo_metrics._threads import log


def _at_exit() -> None:
    _native.stop_jobs()
    _native.stop_engine_calls()
    _native.stop_servers()
    _native.stop_messages()
    # What is left is logged, unless a handler of the user takes too long for it.
    log.join(0.5)


atexit.register(_at_exit)
