"""``python -m dynamo_metrics.dashboards FOLDER`` writes the generated files of ``deploy/``."""

import sys
from pathlib import Path

from dynamo_metrics.dashboards._files import write

if len(sys.argv) != 2:
    sys.exit("usage: python -m dynamo_metrics.dashboards FOLDER")
write(Path(sys.argv[1]))
