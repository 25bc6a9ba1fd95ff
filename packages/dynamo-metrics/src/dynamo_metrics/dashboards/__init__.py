"""What Grafana shows of workers, and what Prometheus warns of. Needs the extra ``dashboards``.

| module | holds |
|---|---|
| ``worker`` | the dashboard of LLM workers, one file a row |
| ``page`` | a dashboard of the families of any exposition |
| ``recordings``, ``alerts`` | the rules for Prometheus, as data; ``rules`` puts them together |
| ``_rule`` | what a rule is: its name, its comparisons |
| ``_scope``, ``_signals`` | PromQL: which series, over which time; what both of them ask |
| ``_panels``, ``_board`` | panels, and the dashboard around them, in Grafana's own model |
| ``_units`` | Grafana's units for the names of metrics |
| ``_files`` | the files in ``deploy/``, which ``python -m dynamo_metrics.dashboards`` writes |
"""
