"""Sub-interpreters, such as those of mod_wsgi: refused, and harmless to the main interpreter."""

from __future__ import annotations

import pytest

from tests.support.process import Start


@pytest.mark.parametrize("first", ["main", "sub"])
def test_an_import_in_a_sub_interpreter_is_refused(start: Start, first: str) -> None:
    worker = start("sub_interpreter.py", first)
    lines = {worker.line(), worker.line()}
    assert "main: 1" in lines
    [refusal] = lines - {"main: 1"}
    assert refusal.startswith("sub: dynamo_metrics cannot be imported in a sub-interpreter")
    worker.assert_ends_cleanly()
