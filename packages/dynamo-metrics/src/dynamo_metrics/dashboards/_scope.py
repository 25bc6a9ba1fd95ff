"""Which series a query is about, and over which time: all in which dashboards and rules differ."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_PLAIN = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
"""Names that PromQL reads without quotes; Prometheus 3 has others in quotes."""


@dataclass(frozen=True)
class Scope:
    """Writes PromQL about a choice of workers and models."""

    window: str
    """The range of rates: ``5m``, or a variable of Grafana's."""
    worker: str = ""
    """Matchers for the series of a worker, separated by commas."""
    model: str = ""
    """Further matchers for the series of its engine, which have the label ``model_name``."""

    def series(self, name: str, *matchers: str) -> str:
        """Return the selector of the series of this name, of those that further matchers choose."""
        chosen = [self.worker, self.model if _has_model(name) else "", *matchers]
        return selector(name, *filter(None, chosen))

    def rate(self, name: str, *by: str, matcher: str = "") -> str:
        """Return the rate of a counter per second, summed by labels."""
        return total(f"rate({self.series(name, matcher)}[{self.window}])", *by)

    def quantile(self, share: float, histogram: str, *by: str) -> str:
        """Return a quantile of a histogram by labels; ``share`` is 0 to 1."""
        return f"histogram_quantile({share:g}, {self.rate(histogram + '_bucket', 'le', *by)})"

    def mean(self, histogram: str, *by: str) -> str:
        """Return the mean of what a histogram has observed, by labels."""
        return f"{self.rate(histogram + '_sum', *by)} / {self.rate(histogram + '_count', *by)}"


def selector(name: str, *matchers: str) -> str:
    """Return the selector of the series of a name that may have any characters."""
    if _PLAIN.fullmatch(name):
        return f"{name}{{{', '.join(matchers)}}}" if matchers else name
    return f"{{{', '.join((json.dumps(name, ensure_ascii=False), *matchers))}}}"


def _has_model(name: str) -> bool:
    level = name.partition(":")[0]
    return level == "vllm" or level.endswith("model_name")  # an engine's, or recorded of it


def total(expression: str, *by: str) -> str:
    """Return the sum of an expression by labels."""
    return aggregated("sum", expression, *by)


def aggregated(operator: str, expression: str, *by: str) -> str:
    """Return what an aggregation operator makes of an expression, by labels."""
    labels = f" by ({', '.join(by)}) " if by else ""
    return f"{operator}{labels}({expression})"
