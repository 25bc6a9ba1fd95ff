"""A runtime whose port is taken."""

from __future__ import annotations

import errno

from dynamo.runtime import DistributedRuntime

try:
    DistributedRuntime()
except OSError as error:
    print(errno.errorcode[error.errno])
    print(error)
