"""``python -m dynamo_metrics.cli`` is ``dynamo-metrics``."""

from dynamo_metrics.cli import main

main()
