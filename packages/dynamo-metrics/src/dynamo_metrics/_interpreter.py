"""Refuses the import in sub-interpreters: the package imports this module first."""

from dynamo_metrics._native import require_main_interpreter

require_main_interpreter()
