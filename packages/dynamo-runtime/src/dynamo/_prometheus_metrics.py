"""The metric types under the name that early versions of Dynamo 0.7 had for them."""

from dynamo.prometheus_metrics import *  # noqa: F403
from dynamo.prometheus_metrics import __all__ as __all__
