"""A child without a server."""

from __future__ import annotations

from tests.programs.forking import ended, fork
from tests.programs.served import runtime


def child():
    print(runtime.system_status_address)


print(ended(fork(child)))
print(runtime.system_status_address)
input()
