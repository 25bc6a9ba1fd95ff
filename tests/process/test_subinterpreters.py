"""Sub-interpreters, such as those of mod_wsgi: refused, and harmless to the main interpreter."""

from __future__ import annotations

import sys

import pytest

from tests.support.process import Start

NAME = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
CREATE = "create('legacy')" if sys.version_info >= (3, 13) else "create(isolated=False)"

IN_MAIN = """
from dynamo_metrics import Runtime
counter = Runtime().metrics.create_intcounter("a_total", "A")
counter.inc()
print("main:", counter.get())
"""

IN_SUB = f"""
import {NAME} as interpreters
code = '''
try:
    import dynamo_metrics
except ImportError as error:
    print("sub:", error)
'''
interpreters.run_string(interpreters.{CREATE}, code)
"""


@pytest.mark.parametrize("order", [IN_MAIN + IN_SUB, IN_SUB + IN_MAIN], ids=["later", "first"])
def test_an_import_in_a_sub_interpreter_is_refused(start: Start, order: str) -> None:
    worker = start(order)
    lines = {worker.line(), worker.line()}
    assert "main: 1" in lines
    [refusal] = lines - {"main: 1"}
    assert refusal.startswith("sub: dynamo_metrics cannot be imported in a sub-interpreter")
    worker.assert_ends_cleanly()
