"""A member that encodes OTLP each time it is told: are a counter and a summary in it?"""

from __future__ import annotations

from counted import metrics, runtime

from dynamo_metrics import _native

metrics.create_summary("seconds", "help").observe(2)
encoder = _native.OtlpEncoder([], False)
while True:
    input()
    requests = encoder.encode(runtime._native, 1.0)
    encoder.commit()
    print(*(name in b"".join(requests) for name in (b"ns_comp_ep_counted", b"seconds")))
