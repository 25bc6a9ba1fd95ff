"""Runs the guide's code."""

from __future__ import annotations

import json
import os
import sys
import urllib.request

os.environ.update(DYN_SYSTEM_PORT="0", DYN_SYSTEM_HOST="127.0.0.1")
names = {"compute_current_connections": lambda: 17}
for body in json.load(sys.stdin):
    exec(body, names)
    if "gauge_vec" not in names:
        metrics = names["endpoint"].metrics
        names["gauge_vec"] = metrics.create_gaugevec("queue_depth", "Requests waiting", ["a", "b"])
with urllib.request.urlopen(f"http://{names['drt'].system_status_address}/metrics") as answer:
    print(answer.read().decode(), end="")
