"""Callbacks that raise."""

from __future__ import annotations

import sys

from tests.programs.served import metrics

calls = metrics.create_intcounter("calls_total", "help")


def raises():
    raise LookupError("no such GPU")


def exits():
    sys.exit("not like this")


def awaits():
    async def nothing(): ...

    return nothing()


for callback in (raises, exits, awaits, calls.inc):
    metrics.register_callback(callback)
print("ready")
input()
