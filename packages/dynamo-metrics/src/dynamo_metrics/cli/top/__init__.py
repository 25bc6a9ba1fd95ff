"""``dynamo-metrics top``: the stats of running processes, as they change.

| module | job |
|---|---|
| ``_stats`` | what is shown: a line for each stat, with the families that it comes from |
| ``_history`` | rates and quantiles over some scrapes, as PromQL defines them |
| ``_target`` | one process: scrapes it, and keeps what the stats need |
| ``_poller`` | threads that scrape targets again and again |
| ``_discovery`` | the targets that other packages find |
| ``_units`` | numbers as people read them, sparklines |
| ``_once`` | two scrapes, then a table or JSON |
| ``_app``, ``_table``, ``_details`` | the screen |
| ``_command`` | the command line |

Values mean what they mean on the live page, ``GET /`` of a status server.
"""
