"""``python -m dynamo.dashboards FOLDER`` writes what ``deploy/`` has: ``make dashboards``."""

import sys
from pathlib import Path

from dynamo.dashboards._files import write

if len(sys.argv) != 2:
    sys.exit("usage: python -m dynamo.dashboards FOLDER")
write(Path(sys.argv[1]))
