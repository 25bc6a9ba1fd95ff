"""Metrics of other libraries, as text: read, and shown among our own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo.runtime import DistributedRuntime, Endpoint
from tests.support import exposition, refused, sample, series
from tests.support.client import TIMEOUT_SECONDS, in_background
from tests.support.formats import ALL, OPENMETRICS, TEXT, TEXT_1, key, render
from tests.support.log import Log
from tests.support.waiting import eventually

FAMILIES = "dynamo_runtime_text_dropped_families_total"
SERIES = "dynamo_runtime_text_dropped_series_total"
DROPPED = "dynamo_runtime_text_dropped_total"
ERRORS = "dynamo_runtime_callback_errors_total"
TIMEOUTS = "dynamo_runtime_callback_timeouts_total"


def dropped(runtime: DistributedRuntime) -> tuple[float, float]:
    """Families and series that have been left out so far."""
    families = exposition(runtime)
    return sample(families, FAMILIES), sample(families, SERIES)


def show(runtime: DistributedRuntime | Endpoint, text: str | bytes) -> Any:
    return runtime.metrics.register_prometheus_expfmt_callback(lambda: text)


@pytest.mark.parametrize(
    "text", ["other 1\n", b"other 1\n", "other 1", "other 1\r\n", "\n\nother 1"]
)
def test_a_text_is_shown_without_further_labels(endpoint: Endpoint, text: str | bytes) -> None:
    show(endpoint, text)
    families = exposition(endpoint)
    assert families["other"].samples[0].labels == {}
    assert sample(families, "other") == 1


def test_an_empty_text_shows_nothing(endpoint: Endpoint) -> None:
    show(endpoint, "")
    show(endpoint, "# EOF\n")
    show(endpoint, "# HELP other text\n# TYPE other gauge\n")
    assert exposition(endpoint) == {}


def test_families_stand_in_the_order_of_their_names(endpoint: Endpoint) -> None:
    endpoint.metrics.create_gauge("m", "help")
    show(endpoint, "z 1\na 1\n")
    show(endpoint, "b 1\n")
    assert list(exposition(endpoint)) == ["a", "b", "ns_comp_ep_m", "z"]


def test_a_family_of_several_sources_stands_once(endpoint: Endpoint) -> None:
    ours = endpoint.metrics.create_counter("m_total", "Ours", full_name=True)
    ours.inc()
    show(endpoint, '# HELP m_total Theirs\n# TYPE m_total counter\nm_total{a="x"} 2\n')
    show(endpoint, 'm_total{a="y"} 3\n')
    family = exposition(endpoint)["m_total"]
    assert (family.type, family.help) == ("counter", "Ours")
    assert [one.value for one in family.samples] == [1, 2, 3]


def test_a_series_that_is_there_is_left_out_and_counted(runtime: DistributedRuntime) -> None:
    runtime.metrics.create_gaugevec("m", "help", ["a"]).set(1, {"a": "x"})
    show(runtime, 'm{a="x"} 2\nm{a="y"} 3\nm{a="y"} 4\n')
    assert series(exposition(runtime), "m", "a") == {"x": 1, "y": 3}
    families, lost = dropped(runtime)
    assert families == 0
    assert lost >= 2


@pytest.mark.parametrize(
    "text",
    [
        "# TYPE m counter\nm 1\n",
        "# TYPE h gauge\nh 1\n",
        "h_bucket 1\n",
        "h_sum 1\n",
        "h_count 1\n",
        "# TYPE g histogram\ng_bucket{le='+Inf'} 1\n".replace("'", '"'),
        "# TYPE g summary\ng_sum 1\n",
    ],
)
def test_a_family_in_conflict_with_ours_is_left_out_and_counted(
    runtime: DistributedRuntime, text: str
) -> None:
    runtime.metrics.create_gauge("m", "help")
    runtime.metrics.create_gauge("g_sum", "help")
    runtime.metrics.create_gauge("g_bucket", "help")
    runtime.metrics.create_histogram("h", "help")
    before = exposition(runtime)
    show(runtime, f"{text}other 1\n")
    families = exposition(runtime)
    assert sample(families, "other") == 1
    for name in ("m", "g_sum", "g_bucket", "h"):
        assert families[name] == before[name]
    assert dropped(runtime)[0] >= 1


@pytest.mark.parametrize(
    "line",
    [
        "bad",
        "bad one",
        "bad 1 2 3",
        "bad{ 1",
        "bad{a=1} 1",
        'bad{a="x} 1',
        'bad{a="x",a="y"} 1',
        'bad{__name__="x"} 1',
        "# TYPE bad thing\nbad 1",
        "# TYPE bad gauge\n# TYPE bad counter\nbad 1",
        '# TYPE bad histogram\nbad_bucket{le="1"} 2\nbad_bucket{le="+Inf"} 1',
        "# TYPE bad summary\nbad 1",
        "1bad 1",
        "\x00",
        "{",
        '{"',
    ],
)
def test_what_cannot_be_understood_is_left_out_and_the_rest_is_kept(
    runtime: DistributedRuntime, line: str
) -> None:
    show(runtime, f"before 1\n{line}\nafter 2\n")
    families = exposition(runtime)
    assert (sample(families, "before"), sample(families, "after")) == (1, 2)
    if "TYPE bad" not in line:
        assert not [name for name in families if "bad" in name]
    assert sum(dropped(runtime)) >= 1


def test_what_is_left_out_is_logged_once(runtime: DistributedRuntime, log: Log) -> None:
    def garbage() -> str:
        return "bad\nbad too\n!!\nm 1\nm 2\n"

    runtime.metrics.register_prometheus_expfmt_callback(garbage)
    exposition(runtime)
    exposition(runtime)
    messages = [record.getMessage() for record in log.until('family ""')]
    for part in (
        '"m" is dropped, line 5: a series',
        '"bad" is dropped, line 1',
        '"" is dropped, line 3',
    ):
        assert len([one for one in messages if "garbage" in one and part in one]) == 1
    families = exposition(runtime)
    assert sample(families, DROPPED, reason="invalid_line") == 9
    assert sample(families, DROPPED, reason="duplicate") == 3
    runtime.metrics.register_callback(lambda: 1 / 0)
    exposition(runtime)
    later = log.until("raised")
    assert not [record for record in later if "garbage" in record.getMessage()]


def test_openmetrics_is_read(endpoint: Endpoint) -> None:
    show(
        endpoint,
        '# HELP sent Sent \\"things\\"\n'
        "# TYPE sent counter\n"
        "# UNIT sent bytes\n"
        'sent_total{a="x"} 5 1700000000.5 # {trace_id="abc"} 2 1700000000\n'
        'sent_created{a="x"} 1690000000 1700000000.5\n'
        "# TYPE build info\n"
        'build_info{version="1"} 1\n'
        "# TYPE state stateset\n"
        'state{state="on"} 1\n'
        "# TYPE sizes gaugehistogram\n"
        'sizes_bucket{le="+Inf"} 3\n'
        "sizes_gsum 5\n"
        "sizes_gcount 3\n"
        "# EOF\n"
        "ignored 1\n",
    )
    for accept in ALL.values():
        shown = render(endpoint, accept)
        assert shown.values == {
            key("sent_total", a="x"): 5,
            key("sent_created", a="x"): 1690000000,
            key("build_info", version="1"): 1,
            key("state", state="on"): 1,
            key("sizes_bucket", le="+Inf"): 3,
            key("sizes_gsum"): 5,
            key("sizes_gcount"): 3,
        }
        assert shown.timestamps[key("sent_total", a="x")] == pytest.approx(1700000000.5)
    exemplar = render(endpoint, OPENMETRICS).exemplars[key("sent_total", a="x")]
    assert exemplar == ({"trace_id": "abc"}, 2, 1700000000)
    assert exposition(endpoint)["sent_total"].help == 'Sent "things"'


def test_names_of_any_characters_go_where_they_can(endpoint: Endpoint) -> None:
    show(endpoint, '# TYPE "http.requests" gauge\n{"http.requests","peer.name"="x"} 1\n')
    assert render(endpoint, TEXT).values == {key("http_requests", peer_name="x"): 1}
    for accept in (TEXT_1, OPENMETRICS, ALL["protobuf"], ALL["openmetrics 2"]):
        assert render(endpoint, accept).values == {
            key("http.requests", **{"peer.name": "x"}): 1,
        }


def test_names_that_escaping_makes_equal_never_hide_our_own(endpoint: Endpoint) -> None:
    endpoint.metrics.create_gauge("a_b", "help", {"c_d": "x"}, full_name=True).set(1)
    show(endpoint, 'a_b{c_d="x"} 2\n{"a.b","c.d"="x"} 3\n{"a.b","c.d"="x",c_d="y"} 4\n')
    ours = key("a_b", c_d="x", **endpoint_labels())
    assert render(endpoint, TEXT).values == {ours: 1, key("a_b", c_d="x"): 2}
    assert render(endpoint, TEXT_1).values[ours] == 1
    assert len(render(endpoint, TEXT_1).values) == 4


def test_a_text_never_hides_a_name_of_ours_that_is_escaped(endpoint: Endpoint) -> None:
    endpoint.metrics.create_gauge("a.b", "help", full_name=True).set(1)
    show(endpoint, "# TYPE a_b counter\na_b 2\n")
    assert render(endpoint, TEXT).values == {key("a_b", **endpoint_labels()): 1}
    assert len(render(endpoint, TEXT_1).values) == 2


def endpoint_labels() -> dict[str, str]:
    return {"dynamo_namespace": "ns", "dynamo_component": "comp", "dynamo_endpoint": "ep"}


def test_a_line_of_a_megabyte_is_a_line_like_any_other(endpoint: Endpoint) -> None:
    value = "x" * 1_000_000
    labels = ",".join(f'l{number}="x"' for number in range(10_000))
    show(
        endpoint,
        f'# HELP long {value}\nlong{{a="{value}"}} 1\nmany{{{labels}}} 2\n{value}\nlast 3\n',
    )
    families = exposition(endpoint)
    assert len(families["long"].samples[0].labels["a"]) == 1_000_000
    assert len(families["many"].samples[0].labels) == 10_000
    assert sample(families, "last") == 3


def test_many_buckets_in_disorder_are_put_in_order(endpoint: Endpoint) -> None:
    bounds = range(20_000, 0, -1)
    lines = [f'h_bucket{{le="{bound}"}} {bound}' for bound in bounds]
    show(endpoint, "\n".join(['# TYPE h histogram\nh_bucket{le="+Inf"} 30000', *lines]))
    found = [one for one in exposition(endpoint)["h"].samples if one.name == "h_bucket"]
    assert len(found) == 20_001
    assert [one.value for one in found] == sorted(one.value for one in found)


class Engine:
    """Returns a text, or does whatever else it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.act: Callable[[], object] = lambda: f"calls {self.calls}\n"

    def __call__(self) -> Any:
        self.calls += 1
        return self.act()


@pytest.fixture
def engine(runtime: DistributedRuntime) -> Engine:
    """An engine whose text the runtime shows."""
    engine = Engine()
    runtime.metrics.register_prometheus_expfmt_callback(engine)
    return engine


def test_each_exposition_has_a_new_text(runtime: DistributedRuntime, engine: Engine) -> None:
    assert sample(exposition(runtime), "calls") == 1
    assert sample(exposition(runtime), "calls") == 2


@pytest.mark.parametrize(
    "act",
    [
        lambda: 1 / 0,
        lambda: None,
        lambda: 1,
        lambda: ["calls 9"],
        lambda: b"calls 9 # \xff",
        lambda: 'calls{a="\ud800"} 9',
        lambda: bytearray(b"calls 9"),
    ],
)
def test_a_text_that_cannot_be_had_is_shown_as_it_last_was(
    runtime: DistributedRuntime, engine: Engine, act: Callable[[], object]
) -> None:
    exposition(runtime)
    engine.act = act
    families = exposition(runtime)
    assert sample(families, "calls") == 1
    assert sample(families, ERRORS) == 1
    engine.act = lambda: "calls 3\n"
    assert sample(exposition(runtime), "calls") == 3, "the thread goes on"


def test_a_text_that_is_late_is_shown_as_it_last_was_and_then_by_the_next_exposition(
    runtime: DistributedRuntime, engine: Engine
) -> None:
    exposition(runtime)
    began, goes_on = threading.Event(), threading.Event()

    def late() -> str:
        began.set()
        goes_on.wait(TIMEOUT_SECONDS)
        return "calls 9\n"

    engine.act = late
    with in_background(exposition, runtime):
        try:
            assert began.wait(TIMEOUT_SECONDS)
            _, _, body = runtime.metrics.exposition(timeout=0.05)
        finally:
            goes_on.set()
    families = exposition(body.decode())
    assert sample(families, "calls") == 1
    assert sample(families, TIMEOUTS) == 1
    engine.act = lambda: 1 / 0
    eventually(lambda: sample(exposition(runtime), "calls") == 9 or None)


def test_the_text_of_a_callback_goes_with_it(runtime: DistributedRuntime) -> None:
    handle = show(runtime, "other 1\n")
    assert "other" in exposition(runtime)
    assert handle.unregister()
    assert "other" not in exposition(runtime)
    assert not handle.unregister()


def test_the_exposition_of_a_sibling_neither_runs_nor_shows_it(runtime: DistributedRuntime) -> None:
    namespace = runtime.namespace("ns")
    engine = Engine()
    namespace.component("a").metrics.register_prometheus_expfmt_callback(engine)
    sibling = namespace.component("b")
    sibling.metrics.create_gauge("m", "help")
    assert list(exposition(sibling)) == ["ns_b_m"]
    assert engine.calls == 0
    assert sample(exposition(namespace), "calls") == 1
    assert sample(exposition(runtime), "calls") == 2


def test_an_exposition_inside_a_callback_shows_the_last_text_and_runs_none(
    runtime: DistributedRuntime, engine: Engine
) -> None:
    expositions = []
    exposition(runtime)
    runtime.metrics.register_callback(lambda: expositions.append(exposition(runtime)))
    exposition(runtime)
    assert sample(expositions[0], "calls") == 2
    assert engine.calls == 2


def test_a_text_may_be_our_own_exposition(runtime: DistributedRuntime) -> None:
    runtime.metrics.create_counter("m_total", "help").inc()
    runtime.metrics.register_prometheus_expfmt_callback(runtime.metrics.prometheus_expfmt)
    for _ in range(3):
        assert sample(exposition(runtime), "m_total") == 1


def test_metrics_of_losses_are_there_from_the_first_text_on(
    runtime: DistributedRuntime,
) -> None:
    assert not {FAMILIES, SERIES} & set(exposition(runtime))
    show(runtime, "other 1\n")
    assert dropped(runtime) == (0, 0)


@pytest.mark.parametrize("callback", ["text", None, 1])
def test_what_cannot_be_called_is_refused(metrics: RuntimeMetrics, callback: Any) -> None:
    with refused(TypeError, "must be callable", type(callback).__name__):
        metrics.register_prometheus_expfmt_callback(callback)


def test_an_async_function_is_refused(metrics: RuntimeMetrics) -> None:
    async def text() -> str:
        return "m 1"

    with refused(TypeError, "async"):
        metrics.register_prometheus_expfmt_callback(text)  # type: ignore[arg-type]
