"""A dashboard of any exposition: every query shows data."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grafana_foundation_sdk")

from dynamo_metrics.dashboards.page import of_families, page_dashboard
from dynamo_metrics.scrape import Family, read
from tests.support.documents import ROOT
from tests.support.grafana import panels, queries, variables
from tests.support.mocker import scraped_mocker
from tests.support.process import serving, workers
from tests.support.prometheus import Prometheus, scraping
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus server that scrapes a mocker with more to do than it can."""
    with scraped_mocker(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


def test_each_query_of_the_mockers_own_dashboard_shows_data(server: Prometheus) -> None:
    asked = queries(page_dashboard(server.target))
    assert len(asked) > 100
    silent = set(asked)

    def all_have_spoken() -> bool | None:
        silent.difference_update([query for query in silent if server.shows(query.expression)])
        return not silent or None

    try:
        eventually(all_have_spoken)
    except AssertionError:
        assert not silent
        raise


def test_the_variables_of_the_mockers_own_dashboard_have_values(server: Prometheus) -> None:
    series = variables(page_dashboard(server.target))[0]["query"]["query"]
    name = series.removeprefix("label_values(").removesuffix(", job)")
    [found] = eventually(lambda: server.query(f"group by (job) ({name})") or None)
    assert found.labels == {"job": "worker"}


def test_prometheus_understands_the_dashboard_of_vllms_own_exposition(server: Prometheus) -> None:
    exposition = (ROOT / "tests" / "formats" / "vllm_metrics.txt").read_text()
    asked = queries(of_families(parse(exposition), "vllm"))
    assert len(asked) > 80
    for query in asked:
        server.query(query.expression)


def test_native_histograms_show_quantiles_where_prometheus_stores_them(tmp_path: Path) -> None:
    with workers(__file__) as start:
        worker = serving(start, "native.py")
        assert worker.line() == "observed"
        with scraping(worker.address, tmp_path, "--enable-feature=native-histograms") as server:
            dashboard = page_dashboard(worker.address)
            asked = [one for one in queries(dashboard) if "waits_seconds: p50" in one.panel]
            assert len(asked) == 4
            for query in asked:
                value = eventually(lambda asked=query: number(server, asked.expression))
                assert value == pytest.approx(0.2, rel=0.1)


def test_native_histograms_show_their_mean_where_prometheus_does_not(tmp_path: Path) -> None:
    with workers(__file__) as start:
        worker = serving(start, "native.py")
        assert worker.line() == "observed"
        with scraping(worker.address, tmp_path) as server:
            *_, mean = [
                one
                for one in queries(page_dashboard(worker.address))
                if "waits_seconds: p50" in one.panel
            ]
            value = eventually(lambda: number(server, mean.expression))
            assert value == pytest.approx(0.2, rel=0.01)


def number(server: Prometheus, expression: str) -> float | None:
    """The value of the only series; None if there is none, or nothing was observed meanwhile."""
    values = [result.value for result in server.query(expression)]
    return next(filter(math.isfinite, values), None)


def parse(text: str, content_type: str = "text/plain") -> list[Family]:
    """The families of an exposition."""
    return read(text.encode(), content_type).shown()


def made(text: str, content_type: str = "text/plain") -> list[dict[str, Any]]:
    """The panels for an exposition."""
    return panels(of_families(parse(text, content_type), "somewhere"))


def expressions(text: str, content_type: str = "text/plain") -> list[str]:
    """The queries for an exposition, without the choice of workers."""
    return [
        target["expr"].replace('job=~"$job", instance=~"$instance"', "")
        for panel in made(text, content_type)
        for target in panel["targets"]
    ]


WINDOW = "$__rate_interval"


def test_a_family_is_asked_for_as_its_type_wants_it() -> None:
    cases = [
        ("# TYPE done_total counter\ndone_total 1\n", [f"rate(done_total{{}}[{WINDOW}])"]),
        ("# TYPE by_model counter\nby_model 1\n", [f"rate(by_model{{}}[{WINDOW}])"]),
        ("# TYPE level gauge\nlevel -1\n", ["level{}"]),
        ("level 1\n", ["level{}"]),
        ("# TYPE level untyped\nlevel 1\n", ["level{}"]),
        ('some_total{a="1"} 1\nsome_total{a="2"} 1\n', [f"rate(some_total{{}}[{WINDOW}])"]),
        (
            "# TYPE at_timestamp_seconds gauge\nat_timestamp_seconds 1.7e9\n",
            ["at_timestamp_seconds{} * 1000"],
        ),
        (
            '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\ns_count 2\n',
            [f"sum(rate(s_sum{{}}[{WINDOW}])) / sum(rate(s_count{{}}[{WINDOW}]))", "s{}"],
        ),
        (
            "# TYPE s summary\ns_sum 1\ns_count 2\n",
            [f"sum(rate(s_sum{{}}[{WINDOW}])) / sum(rate(s_count{{}}[{WINDOW}]))"],
        ),
        (
            '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
            [
                f"histogram_quantile(0.5, sum by (le) (rate(h_bucket{{}}[{WINDOW}])))",
                f"histogram_quantile(0.95, sum by (le) (rate(h_bucket{{}}[{WINDOW}])))",
                f"histogram_quantile(0.99, sum by (le) (rate(h_bucket{{}}[{WINDOW}])))",
                f"sum by (le) (rate(h_bucket{{}}[{WINDOW}]))",
            ],
        ),
    ]
    for text, expected in cases:
        assert expressions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# TYPE done counter\ndone_total 1\n# EOF\n", [f"rate(done_total{{}}[{WINDOW}])"]),
        ('# TYPE build info\nbuild_info{v="1"} 1\n# EOF\n', ["build_info{}"]),
        (
            '# TYPE up stateset\nup{up="a"} 1\nup{up="b"} 0\n# EOF\n',
            ["up{}"],
        ),
        (
            "# TYPE done counter\ndone_total 1\ndone_created 2\n# EOF\n",
            [f"rate(done_total{{}}[{WINDOW}])"],
        ),
    ],
)
def test_openmetrics_is_read_as_well(text: str, expected: list[str]) -> None:
    assert expressions(text, "application/openmetrics-text") == expected


def test_names_of_any_characters_are_quoted() -> None:
    text = '# TYPE "größe.in total" counter\n{"größe.in total",k="v"} 4\n'
    [query] = [target["expr"] for panel in made(text) for target in panel["targets"]]
    assert query == f'rate({{"größe.in total", job=~"$job", instance=~"$instance"}}[{WINDOW}])'


def test_the_times_of_birth_of_other_families_are_left_out_and_no_others() -> None:
    text = (
        "# TYPE a_total counter\na_total 1\n# TYPE a_created gauge\na_created 1.7e9\n"
        "# TYPE jobs_created gauge\njobs_created 3\n# HELP b nothing yet\n# TYPE b counter\n"
    )
    assert expressions(text) == [f"rate(a_total{{}}[{WINDOW}])", "jobs_created{}"]


def test_what_only_informs_is_a_table_of_its_labels() -> None:
    [panel] = made('# TYPE cache_info gauge\ncache_info{size="3",kind="a"} 1\n')
    assert panel["type"] == "table"
    assert panel["targets"][0]["instant"]
    hidden = panel["transformations"][1]["options"]["excludeByName"]
    assert hidden == {"Time": True, "Value": True, "__name__": True}


def test_lines_are_named_by_the_labels_that_tell_them_apart() -> None:
    [panel] = made('# TYPE g gauge\ng{model="m",place="a"} 1\ng{model="m",place="b"} 1\n')
    assert panel["targets"][0]["legendFormat"] == "{{instance}} {{place}}"


def test_a_panel_has_the_units_of_the_name_and_the_words_of_the_exposition() -> None:
    text = (
        "# HELP sent_bytes_total Bytes sent\n# TYPE sent_bytes_total counter\nsent_bytes_total 1\n"
        "# TYPE used_ratio gauge\nused_ratio 1\n# TYPE odd gauge\nodd 1\n"
    )
    found = {panel["title"]: panel for panel in made(text)}
    units = {title: panel["fieldConfig"]["defaults"]["unit"] for title, panel in found.items()}
    assert units == {
        "sent_bytes_total, per second": "Bps",
        "used_ratio": "percentunit",
        "odd": "short",
    }
    assert found["sent_bytes_total, per second"]["description"] == "Bytes sent (counter)"


def test_rows_are_named_by_the_words_that_names_have_in_common() -> None:
    names = ["demo_backend_a", "demo_backend_b", "vllm:x", "zero", "zero_one"]
    text = "".join(f"# TYPE {name} gauge\n{name} 1\n" for name in names)
    board = json.loads(of_families(parse(text), "somewhere"))
    titles = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert titles == ["demo_backend", "vllm:x", "zero"]


def test_a_row_has_a_name_whatever_the_letters() -> None:
    board = json.loads(of_families(parse('# TYPE "日本" gauge\n{"日本"} 1\n'), "somewhere"))
    assert [panel["title"] for panel in board["panels"] if panel["type"] == "row"] == ["日本"]
