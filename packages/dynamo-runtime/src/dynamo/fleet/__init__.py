"""The runtimes of a fleet, found by discovery: ``dynamo-metrics sd``, ``ls`` and ``top``."""
