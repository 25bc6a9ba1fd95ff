"""The names that users import, pinned."""

from __future__ import annotations

from importlib.metadata import files, requires, version
from types import ModuleType

import pytest

import dynamo._core
import dynamo._prometheus_metrics
import dynamo.asgi
import dynamo.discovery
import dynamo.frontend
import dynamo.mocker
import dynamo.prometheus_metrics
import dynamo.request_plane
import dynamo.runtime
import dynamo.vllm
import dynamo.wsgi
import dynamo_metrics
from dynamo.runtime import Endpoint
from tests.support import FACTORIES, create

METRICS_FILES = {str(file) for file in files("dynamo-metrics") or ()}
RUNTIME_FILES = {str(file) for file in files("dynamo-runtime") or ()}


def test_the_runtime_module_holds_the_hierarchy_and_what_serves_it() -> None:
    assert dynamo.runtime.__all__ == [
        "CancellationToken",
        "Client",
        "Component",
        "ConnectionLostError",
        "Context",
        "DistributedRuntime",
        "Endpoint",
        "EngineError",
        "InvalidRequestError",
        "Namespace",
        "NoInstancesError",
        "RequestError",
        "ResponseStream",
        "UnavailableError",
        "dynamo_endpoint",
        "dynamo_worker",
        "register_model",
    ]


def test_every_name_of_the_runtime_module_is_there_and_no_other() -> None:
    for name in dynamo.runtime.__all__:
        assert getattr(dynamo.runtime, name).__name__ == name
    with pytest.raises(
        AttributeError, match=r"^module 'dynamo.runtime' has no attribute 'Cleint'$"
    ):
        _ = getattr(dynamo.runtime, "Cleint")  # noqa: B009 - type checkers know that it is wrong


def test_the_errors_of_requests_are_one_tree() -> None:
    errors = [name for name in dynamo.runtime.__all__ if name.endswith("Error")]
    assert len(errors) == 6
    for name in errors:
        error = getattr(dynamo.request_plane, name)
        assert getattr(dynamo.runtime, name) is error
        assert issubclass(error, dynamo.runtime.RequestError)


def test_request_plane_and_discovery_hold_what_backends_offer_and_their_errors() -> None:
    assert dynamo.discovery.__all__ == [
        "Discovery",
        "Instance",
        "Model",
        "ModelWatch",
        "Target",
        "Watch",
        "open_discovery",
    ]
    assert dynamo.request_plane.__all__ == [
        "Call",
        "CallerGoneError",
        "ClientDisconnectedError",
        "ConnectionLostError",
        "EngineError",
        "InvalidRequestError",
        "NoInstancesError",
        "Receiver",
        "RequestError",
        "RequestPlane",
        "Served",
        "Stream",
        "UnavailableError",
        "open_plane",
    ]
    earlier = dynamo.request_plane.CallerGoneError
    assert earlier is dynamo.request_plane.ClientDisconnectedError


def test_all_types_are_importable_from_prometheus_metrics() -> None:
    assert sorted(dynamo.prometheus_metrics.__all__) == [
        "CallbackHandle",
        "Counter",
        "CounterVec",
        "DEFAULT",
        "DEFAULT_BUCKETS",
        "ExceptionCounter",
        "Gauge",
        "GaugeVec",
        "Histogram",
        "HistogramVec",
        "ITL",
        "ITL_BUCKETS",
        "InProgress",
        "IntCounter",
        "IntCounterVec",
        "IntGauge",
        "IntGaugeVec",
        "MetricsError",
        "REQUEST_DURATION",
        "REQUEST_DURATION_BUCKETS",
        "RuntimeMetrics",
        "Summary",
        "SummaryVec",
        "TTFT",
        "TTFT_BUCKETS",
        "Timer",
        "VecTimer",
        "exponential_buckets",
        "linear_buckets",
    ]


def test_the_exposition_is_an_application_of_either_kind() -> None:
    assert dynamo.asgi.__all__ == ["RequestMetricsMiddleware", "make_asgi_app"]
    assert dynamo.wsgi.__all__ == ["make_wsgi_app"]


def test_the_mocker_is_a_command_and_a_worker_that_others_can_wrap() -> None:
    assert dynamo.mocker.__all__ == ["Settings", "main", "parse", "serve"]


def test_the_frontend_is_a_command_and_a_server() -> None:
    assert dynamo.frontend.__all__ == ["Settings", "main", "parse", "serve"]


def test_the_worker_around_vllm_has_the_same_names_as_the_mocker() -> None:
    assert dynamo.vllm.__all__ == dynamo.mocker.__all__


@pytest.mark.parametrize("module", [dynamo_metrics, dynamo.runtime])
def test_the_types_say_where_they_are_imported_from(module: ModuleType) -> None:
    names = [getattr(module, name) for name in module.__all__]
    types = [kind for kind in names if isinstance(kind, type)]
    assert {kind.__module__ for kind in types} == {module.__name__}


def test_the_factories_return_types_that_can_be_imported(endpoint: Endpoint) -> None:
    for factory, kind in FACTORIES.items():
        assert type(create(endpoint, factory, factory)) is kind
        assert getattr(dynamo.prometheus_metrics, kind.__name__) is kind


def test_the_old_module_names_are_those_of_earlier_versions() -> None:
    assert dynamo._core.__all__ == [
        "Client",
        "Component",
        "Context",
        "DistributedRuntime",
        "Endpoint",
        "Namespace",
        "RuntimeMetrics",
    ]
    assert dynamo._prometheus_metrics.__all__ == dynamo.prometheus_metrics.__all__


def test_the_old_module_names_hold_the_same_objects() -> None:
    for name in dynamo._core.__all__:
        home = dynamo.runtime if hasattr(dynamo.runtime, name) else dynamo.prometheus_metrics
        assert getattr(dynamo._core, name) is getattr(home, name)
    for name in dynamo.prometheus_metrics.__all__:
        assert getattr(dynamo._prometheus_metrics, name) is getattr(dynamo.prometheus_metrics, name)


def test_the_types_of_dynamo_are_those_of_dynamo_metrics() -> None:
    for name in dynamo.prometheus_metrics.__all__:
        assert getattr(dynamo.prometheus_metrics, name) is getattr(dynamo_metrics, name)


def test_dynamo_is_a_namespace_package_which_others_may_extend() -> None:
    assert dynamo.__file__ is None
    assert "dynamo/__init__.py" not in RUNTIME_FILES


def test_the_metrics_install_no_file_under_dynamo() -> None:
    """NVIDIA's packages own that folder, and the metrics can be installed beside them."""
    assert {file.partition("/")[0] for file in METRICS_FILES} >= {"dynamo_metrics"}
    assert not [file for file in METRICS_FILES if file.startswith("dynamo/")]


def test_the_runtime_package_is_pure_python() -> None:
    assert not [file for file in RUNTIME_FILES if file.endswith(".so")]


def test_both_packages_have_the_same_version() -> None:
    assert version("dynamo-metrics") == version("dynamo-runtime")
    [needed] = [one for one in requires("dynamo-runtime") or () if "extra ==" not in one]
    assert needed == f"dynamo-metrics=={version('dynamo-metrics')}"


def test_the_types_are_installed_for_type_checkers() -> None:
    assert {"dynamo_metrics/py.typed", "dynamo_metrics/_native.pyi"} <= METRICS_FILES
    assert "dynamo/py.typed" in RUNTIME_FILES
