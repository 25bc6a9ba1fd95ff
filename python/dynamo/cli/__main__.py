"""``python -m dynamo.cli`` is ``dynamo-metrics``."""

from dynamo.cli import main

main()
