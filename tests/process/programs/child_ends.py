"""Forks a child, with a callback registered, that ends in the way the argument names."""

from __future__ import annotations

import os
import sys

from tests.programs.forking import ended
from tests.programs.served import metrics

WAYS = {"sys.exit": sys.exit, "return": lambda: None, "os._exit": lambda: os._exit(0)}


def main() -> None:
    metrics.register_callback(lambda: None)
    print("ready")
    input()
    pid = os.fork()
    if not pid:
        return WAYS[sys.argv[1]]()
    print(ended(pid))
    input()
    return None


main()
