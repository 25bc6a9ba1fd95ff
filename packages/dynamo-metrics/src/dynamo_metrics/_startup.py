"""What is done once, at import: the native core gets what it calls in Python."""

from __future__ import annotations

from dynamo_metrics import _arguments, _native, _refusals
from dynamo_metrics._errors import MetricsError
from dynamo_metrics._threads import shutdown as shutdown  # registers what happens at exit
from dynamo_metrics._threads.log import start_log

_native.install(
    metrics_error=MetricsError,
    start_log=start_log,
    wrong_type=_arguments.wrong_type,
    label_value_error=_arguments.label_value_error,
    label_value=_arguments.label_value,
    refused=_refusals.refused,
    shown=_arguments.shown,
    pairs=_arguments.pairs,
    label_values=_arguments.label_values,
)
