"""``dynamo-metrics check``: what is wrong with an exposition, one line each.

| module | job |
|---|---|
| ``_rules`` | the rules about names, types, units and HELP: a function and a table line each |
| ``_units`` | the words for units in names |
| ``_cardinality`` | the largest families, and the labels that make them large |
| ``_command`` | the command line |
| ``_report`` | the whole check, and how it is printed |
"""

from dynamo_metrics.cli.check._report import Report, check, print_report

__all__ = ["Report", "check", "print_report"]
