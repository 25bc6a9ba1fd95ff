"""The exceptions of this package.

- ValueError, RuntimeError
  - MetricsError
"""

from __future__ import annotations


class MetricsError(ValueError, RuntimeError):
    """A metric cannot be created. The message names the value, the rule and the fix.

    Its name, a label or its buckets are refused, or it conflicts with another metric. Both a
    ``ValueError`` and a ``RuntimeError``, which Dynamo's own bindings raise.
    """

    __module__ = "dynamo_metrics"

    name: str | None
    """The metric's name as exposed, or as given if it cannot be exposed; None if the error is about
    something else."""

    reason: str
    """What went wrong, one of: ``"bad_buckets"``, ``"bad_label"``, ``"bad_name"``,
    ``"bad_native_buckets"``, ``"bad_unit"``, ``"conflict"``, ``"duplicate_label"``,
    ``"empty_path_part"``, ``"no_label_names"``, ``"not_utf8"``, ``"reserved_label"``,
    ``"reserved_name"``."""

    owners: tuple[str, ...]
    """The nodes of two metrics in conflict, such as ``"endpoint ns/comp/ep"`` or ``"the runtime"``,
    the new metric's first; otherwise empty."""

    def __init__(
        self,
        message: str,
        name: str | None = None,
        reason: str = "",
        owners: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.name = name
        self.reason = reason
        self.owners = owners
