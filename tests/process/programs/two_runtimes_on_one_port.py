"""Two runtimes with the same port."""

from __future__ import annotations

import os
import socket

from dynamo.runtime import DistributedRuntime

with socket.create_server(("127.0.0.1", 0)) as free:
    os.environ["DYN_SYSTEM_PORT"] = str(free.getsockname()[1])
first, second = DistributedRuntime(), DistributedRuntime()
print(first == second)
print(second.system_status_address)
input()
