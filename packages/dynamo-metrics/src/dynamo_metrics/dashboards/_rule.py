"""Rules as data.

Names of recorded series say by which labels, what, and how: ``level:metric:operations``, as
https://prometheus.io/docs/practices/rules/ has it. An alert keeps its comparisons apart, so that
what they compare can be looked at when all is well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Recording:
    """A series that Prometheus computes and keeps."""

    by: tuple[str, ...]
    metric: str
    operations: str
    expression: str

    @property
    def name(self) -> str:
        """What the series is called."""
        return f"{'_'.join(self.by)}:{self.metric.replace(':', '_')}:{self.operations}"

    def rule(self) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        return {"record": self.name, "expr": self.expression}


@dataclass(frozen=True)
class Condition:
    """A comparison. ``expression`` gives values also while it does not hold."""

    expression: str
    operator: Literal[">", "<", "=="]
    threshold: float

    def __str__(self) -> str:
        return f"{self.expression} {self.operator} {self.threshold:g}"


@dataclass(frozen=True)
class Alert:
    """The message sent when all conditions have held for a while."""

    name: str
    conditions: tuple[Condition, ...]
    """Those after the first have its labels. The message has the value of the first one."""
    hold: str
    severity: Literal["critical", "warning"]
    summary: str
    description: str

    @property
    def expression(self) -> str:
        """All conditions together."""
        return "\nand ".join(map(str, self.conditions))

    def rule(self) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.hold,
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "description": self.description},
        }
