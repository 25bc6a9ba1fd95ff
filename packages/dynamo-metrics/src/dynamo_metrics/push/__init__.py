"""Push: metrics that leave the process, where nothing can scrape it.

| what | where |
|---|---|
| OTLP to an OpenTelemetry collector or to Prometheus | ``runtime.push`` |
| a Pushgateway, for jobs that end before a scrape | ``push_to_gateway`` |
| a file for the node exporter's textfile collector | ``write_to_textfile`` |
"""

from dynamo_metrics.push._exporter import Push
from dynamo_metrics.push.gateway import (
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)
from dynamo_metrics.push.textfile import write_to_textfile

__all__ = [
    "Push",
    "delete_from_gateway",
    "push_to_gateway",
    "pushadd_to_gateway",
    "write_to_textfile",
]
