"""A runtime that cannot listen: the name of its errno, if it has one, and its message."""

from __future__ import annotations

import errno

from dynamo.runtime import DistributedRuntime

try:
    DistributedRuntime()
except OSError as error:
    print(errno.errorcode.get(error.errno))
    print(error)
