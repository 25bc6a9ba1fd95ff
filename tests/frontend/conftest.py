from __future__ import annotations

# The plane to run on, and async tests, are those of the tests of serving.
from tests.serving.conftest import _no_nats_server as _no_nats_server
from tests.serving.conftest import nats as nats
from tests.serving.conftest import on_tcp as on_tcp
from tests.serving.conftest import pytest_pyfunc_call as pytest_pyfunc_call
