"""A child that shuts down the runtime it inherited."""

from __future__ import annotations

from tests.programs.forking import counter, ended, fork
from tests.programs.served import runtime


def child():
    runtime.shutdown()
    counter.inc()


print(ended(fork(child)))
input()
