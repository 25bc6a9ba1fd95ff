"""Serves until a line, SIGTERM or Ctrl-C."""

from __future__ import annotations

import tests.programs.served  # noqa: F401
from tests.programs.waiting import end_when_told

end_when_told()
