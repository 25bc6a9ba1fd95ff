from __future__ import annotations

from tests.serving.conftest import pytest_pyfunc_call as pytest_pyfunc_call
