"""``dynamo-metrics check``: its messages, and its verdicts beside those of ``promtool``."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dynamo.prometheus_metrics import RuntimeMetrics
from dynamo_metrics.cli.check import check
from dynamo_metrics.scrape import FORMATS, Body
from tests.dashboards.test_command import answering
from tests.fleet.conftest import Run
from tests.fleet.conftest import run as run
from tests.formats.fill import fill
from tests.support.documents import ROOT
from tests.support.mocker import address_of, mockers
from tests.support.process import free_port, serving, workers
from tests.support.prometheus import INSTALL

CORPUS = ROOT / "tests" / "cli" / "corpus"
VLLM = ROOT / "tests" / "formats" / "vllm_metrics.txt"
CHECK = (sys.executable, "-m", "dynamo_metrics.cli", "check")

CONTENT_TYPES = {
    ".txt": "",
    ".txt1": FORMATS["text1"].accept,
    ".om": FORMATS["openmetrics"].accept,
    ".om2": FORMATS["openmetrics2"].accept,
}

PROMLINT = {
    "no help text": "help",
    "counter metrics should have": "total",
    "non-counter metrics should not have": "total",
    "use base unit": "unit",
    "metric names should not contain abbreviated units": "abbreviation",
    "metric name should not include type": "type-in-name",
    'non-histogram metrics should not have "_': "reserved-suffix",
    "non-histogram and non-summary metrics": "reserved-suffix",
    'non-histogram metrics should not have "le"': "reserved-label",
    "non-summary metrics should not have": "reserved-label",
    "metric names should be written in": "camel-case",
    "label names should be written in": "camel-case",
    "metric names should not contain ':'": "colon",
}
"""The rule for each sentence of promlint."""

STRICTER = {
    "bucket_without_le": "promtool drops the bucket",
    "duplicates": "promtool keeps both, Prometheus drops the second one",
    "empty": "promtool takes no metrics for good ones",
    "histogram_wrong": "promtool does not look at buckets",
    "negative_counter": "promtool does not look at values",
    "not_together": "promtool merges them; the format asks for one group",
    "overflow": "promtool does not know the label value",
    "type": "promtool does not ask for TYPE",
}
"""Files and rules in which only we find something, and why."""


def corpus(suffix: str = "") -> list[Path]:
    return sorted(file for file in CORPUS.iterdir() if file.suffix.startswith(suffix or "."))


INPUTS = [file for file in corpus() if file.suffix != ".expected"]


@pytest.mark.parametrize("file", INPUTS, ids=lambda file: file.name)
def test_each_problem_is_one_line_with_its_place_and_a_remedy(file: Path) -> None:
    report = check(Body(file.read_bytes(), CONTENT_TYPES[file.suffix]))
    expected = CORPUS / f"{file.name}.expected"
    assert [str(problem) for problem in report.problems] == expected.read_text().splitlines()


class TestBesidePromtool:
    @pytest.fixture(autouse=True)
    def _promtool(self) -> None:
        assert shutil.which("promtool"), f"there is no promtool: run {INSTALL}"

    @pytest.mark.parametrize(
        "file", [file for file in INPUTS if file.suffix == ".txt"], ids=lambda file: file.name
    )
    def test_what_promtool_finds_is_found(self, file: Path) -> None:
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=file.read_bytes(),
            capture_output=True,
        )
        lines = done.stdout.decode().splitlines() + done.stderr.decode().splitlines()
        problems = check(Body(file.read_bytes(), "")).problems
        found = {(problem.metric, problem.rule) for problem in problems}
        if done.returncode == 1:  # promtool ends with the first line that it cannot parse
            [line] = lines
            number = int(line.partition(" in line ")[2].partition(":")[0])
            refused = {one.line for one in problems if one.rule in ("syntax", "eof")}
            assert number in refused or file.stem == "crlf"  # there the first line is told
            return
        assert {rule_of(line) for line in lines} <= found
        if file.stem not in STRICTER:
            assert {(metric, rule) for metric, rule in found if rule not in STRICTER} == {
                rule_of(line) for line in lines
            }

    def test_what_promtool_finds_in_vllm_is_found_and_nothing_else(self) -> None:
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=VLLM.read_bytes(),
            capture_output=True,
        )
        lines = done.stdout.decode().splitlines() + done.stderr.decode().splitlines()
        report = check(Body(VLLM.read_bytes(), ""))
        assert {(one.metric, one.rule) for one in report.problems} == {
            rule_of(line) for line in lines
        }


def rule_of(line: str) -> tuple[str, str]:
    metric, _, text = line.partition(" ")
    return metric, next(rule for begin, rule in PROMLINT.items() if text.startswith(begin))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_alike_with_and_without_its_content_type(
    metrics: RuntimeMetrics, name: str
) -> None:
    fill(metrics)
    content_type, _, body = metrics.exposition(FORMATS[name].accept)
    reports = [check(Body(body, kind), ["total"]) for kind in (content_type, "")]
    for report in reports:
        assert [str(problem) for problem in report.problems if not problem.is_note] == []
        assert report.families == 14


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_exposition_is_a_problem_and_never_an_exception(
    metrics: RuntimeMetrics, name: str
) -> None:
    fill(metrics)
    content_type, _, body = metrics.exposition(FORMATS[name].accept)
    chance = random.Random(name)
    for _ in range(300):
        at = chance.randrange(len(body))
        damage = chance.randbytes(chance.randrange(4))
        damaged = body[:at] + damage + body[at + chance.randrange(4) :]
        check(Body(damaged, content_type))
        check(Body(damaged, ""))


def test_vllm_passes_with_notes_about_its_names() -> None:
    report = check(Body(VLLM.read_bytes(), ""))
    assert report.is_good
    assert {problem.rule for problem in report.problems} == {"colon", "total"}


class TestTheCommand:
    def test_a_good_worker_ends_with_zero(self, run: Run) -> None:
        with mockers() as start:
            address = address_of(start("--model", "m", "--load", "5"))
            for form in FORMATS:
                command = run(*CHECK, address, "--format", form, "--no-cardinality")
                lines = command.lines()
                assert command.exit_code() == 0, lines
                assert all(": note: " in line for line in lines)

    def test_the_largest_families_are_listed(self, run: Run) -> None:
        script = """
            users = metrics.create_intcountervec("by_user_total", "Requests", ["user", "model"])
            for user in range(1200):
                users.inc({"user": f"{user}", "model": "m"})
            print()
            input()
        """
        with workers() as start:
            worker = serving(start, script)
            worker.line()
            command = run(*CHECK, worker.address)
            title, first, *_ = command.lines()
            assert command.exit_code() == 0
        assert title.endswith("in text 0.0.4; the largest:")
        assert first == "  1,200 ns_comp_ep_by_user_total, label user: 1,200 values"

    def test_problems_end_with_one(self, run: Run) -> None:
        command = run(*CHECK, CORPUS / "no_help.txt", "--no-cardinality")
        assert command.lines() == (CORPUS / "no_help.txt.expected").read_text().splitlines()
        assert command.exit_code() == 1

    def test_ignored_rules_fail_nothing(self, run: Run) -> None:
        command = run(*CHECK, CORPUS / "no_help.txt", "--no-cardinality", "--ignore", "help")
        assert command.lines() == []
        command.assert_ends_cleanly()

    def test_an_unknown_rule_is_one_line(self, run: Run) -> None:
        command = run(*CHECK, "-", "--ignore", "hlep")
        assert command.exit_code() == 2
        assert command.errors.startswith("--ignore hlep is not a rule; the rules are syntax, ")

    def test_standard_input_and_gzip_are_read(self, tmp_path: Path) -> None:
        data = gzip.compress((CORPUS / "no_help.txt").read_bytes())
        done = subprocess.run([*CHECK, "-", "--json"], input=data, stdout=subprocess.PIPE)
        report = json.loads(done.stdout)
        assert done.returncode == 1
        assert report["format"] == "text 0.0.4"
        assert [(one["line"], one["rule"]) for one in report["problems"]] == [(1, "help")]

    def test_nobody_there_ends_with_two(self, run: Run) -> None:
        port = free_port()
        command = run(*CHECK, f"127.0.0.1:{port}")
        assert command.lines() == []
        assert command.exit_code() == 2
        assert command.errors == (
            f"http://127.0.0.1:{port}/metrics cannot be reached: Connection refused; give the "
            "address of a worker, as in localhost:8081\n"
        )

    @pytest.mark.parametrize(
        ("status", "body", "code", "told"),
        [
            (404, b"no such page\n", 2, "answered 404 Not Found (no such page); metrics are"),
            (200, b"\x1f\x8bnonsense", 2, "is damaged gzip: "),
            (200, b"<html>\n<body>\n", 1, "line 1: '<html>' is not how a line begins: "),
            (200, b"", 1, "there are no metrics: check the address [empty]"),
        ],
    )
    def test_what_is_no_exposition_is_one_line(
        self, run: Run, status: int, body: bytes, code: int, told: str
    ) -> None:
        with answering(status, body) as address:
            command = run(*CHECK, address)
            lines = command.lines()
            assert command.exit_code() == code
        [line] = lines or command.errors.splitlines()
        assert told in line

    def test_no_file_is_one_line(self, run: Run) -> None:
        command = run(*CHECK, "nothing.txt")
        assert command.exit_code() == 2
        assert command.errors == (
            "nothing.txt cannot be read: No such file or directory; name a file, a URL, or - for "
            "standard input\n"
        )
