"""Everything at once, for minutes: ``python -m tools.soak --seconds 600``, ``make soak``.

| module | what it does meanwhile |
|---|---|
| ``counting`` | updates in threads and in forked children of a group, half of them killed |
| ``callbacks`` | callbacks that hang and raise, broken external expositions, a collector |
| ``scraping`` | scrapes of both in every format, each checked |
| ``serving`` | requests over `nats` and `tcp`, some cancelled; workers killed, NATS restarted |

What they did is compared with what the metrics say at the end, by ``checks``.
"""
