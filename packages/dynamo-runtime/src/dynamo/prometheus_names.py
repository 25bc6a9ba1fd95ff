"""Every metric name, label name and fixed label value, under the module name of Dynamo."""

from dynamo_metrics.prometheus_names import *  # noqa: F403
from dynamo_metrics.prometheus_names import __all__ as __all__
