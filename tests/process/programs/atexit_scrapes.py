"""A handler of atexit that scrapes and renders."""

from __future__ import annotations

import atexit
import urllib.request

from tests.programs.served import runtime


@atexit.register
def last_words():
    exposition = urllib.request.urlopen(f"http://{runtime.system_status_address}/metrics")
    print(exposition.status, bool(runtime.metrics.prometheus_expfmt()))
