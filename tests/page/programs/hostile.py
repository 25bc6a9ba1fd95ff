"""A metric with the labels and the help of the argument, a JSON list."""

from __future__ import annotations

import json
import sys

from tests.programs.served import metrics

values = json.loads(sys.argv[1])
vec = metrics.create_intgaugevec("hostile", values[0] + values[1], ["value"])
for number, value in enumerate(values):
    vec.set(number, {"value": value})
print("there")
input()
