"""Native threads that log."""

from __future__ import annotations

import logging
import sys
import threading

from tests.programs.served import metrics


class Handler(logging.Handler):
    def emit(self, record):
        print(record.name, record.levelname, record.getMessage())


logging.getLogger("dynamo").addHandler(Handler())


def hangs():
    sys.stdin.readline()


metrics.register_callback(hangs)
print("ready")
threading.Event().wait()
