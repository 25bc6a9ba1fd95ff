"""A counter of scrapes."""

from __future__ import annotations

from tests.programs.served import metrics

scrapes = metrics.create_intcounter("scrapes_total", "Scrapes")
metrics.register_callback(scrapes.inc)
print("there")
input()
