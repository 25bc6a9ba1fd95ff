"""Imports the package in the main interpreter and in another; the argument says where first."""

from __future__ import annotations

import importlib
import sys

NEW = sys.version_info >= (3, 13)
IN_SUB = """
try:
    import dynamo_metrics
except ImportError as error:
    print("sub:", error)
"""


def in_main() -> None:
    from dynamo_metrics import Runtime

    counter = Runtime().metrics.create_intcounter("a_total", "A")
    counter.inc()
    print("main:", counter.get())


def in_sub() -> None:
    interpreters = importlib.import_module("_interpreters" if NEW else "_xxsubinterpreters")
    interpreter = interpreters.create("legacy") if NEW else interpreters.create(isolated=False)
    interpreters.run_string(interpreter, IN_SUB)


for step in (in_main, in_sub) if sys.argv[1] == "main" else (in_sub, in_main):
    step()
