"""README and docs: every Python snippet runs and prints what it should, every link leads somewhere.

The Rust snippets are doctests of the crate.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dynamo._settings import FRONTEND_SETTINGS, SETTINGS, Setting
from tests.support.documents import (
    NVIDIA,
    ROOT,
    Program,
    block_with,
    blocks,
    documents,
    printed,
    programs,
)


@pytest.mark.parametrize(
    "program",
    [program for document in documents() if document != NVIDIA for program in programs(document)],
    ids=str,
)
def test_a_snippet_runs_and_prints_what_stands_under_it(program: Program, tmp_path: Path) -> None:
    assert printed(program, tmp_path) == [*(step.output for step in program.steps), ""]


def test_every_block_names_its_language() -> None:
    """A block without one would be a Rust doctest."""
    for document in documents():
        assert [block.line for block in blocks(document.read_text()) if not block.language] == []


def test_every_link_inside_the_project_leads_somewhere() -> None:
    for document in documents():
        links = re.findall(r"\]\(([^)\s]+)\)", document.read_text())
        inside = [link.split("#") for link in links if "://" not in link]
        for path, *anchor in inside:
            target = document.parent / path if path else document
            assert target.exists(), f"{document.name} links to {path}, which is not there"
            if anchor:
                assert anchor[0] in _anchors(target), f"{target.name} has no heading #{anchor[0]}"


def test_the_readme_shows_an_exposition_and_a_snippet_before_anything_else() -> None:
    readme = ROOT / "README.md"
    _, exposition = block_with(readme, "sh", "curl")
    first = programs(readme)[0].steps[0]
    assert exposition
    assert first.output
    assert first.line < 45


def test_the_readme_has_at_most_120_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_settings_list_every_variable_of_the_metrics() -> None:
    sources = (
        "crates/dynamo-runtime/src/config.rs",
        "packages/dynamo-metrics/src/dynamo_metrics/_settings.py",
    )
    config = "".join((ROOT / source).read_text() for source in sources)
    rows = re.findall(r"^\| `(DYN_\w+)` \|", _section("Status server"), re.MULTILINE)
    assert sorted(rows) == sorted(set(re.findall(r'"(DYN_\w+)"', config)))


@pytest.mark.parametrize(
    ("section", "settings"), [("Serving", SETTINGS), ("Frontend", FRONTEND_SETTINGS)]
)
def test_the_settings_list_every_variable(section: str, settings: tuple[Setting[Any], ...]) -> None:
    """The tables of ``dynamo._settings`` and those of docs/settings.md say the same."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+) \|$", _section(section), re.MULTILINE)
    assert [variable for variable, _, _ in rows] == [one.variable for one in settings]
    for (_, default, meaning), setting in zip(rows, settings, strict=True):
        if default.startswith("`"):
            assert default == f"`{_written(setting.default)}`"
        else:
            assert setting.default is None
        assert meaning.startswith(setting.meaning)


def test_serving_reads_no_variable_that_is_not_in_the_table() -> None:
    source = ROOT / "packages/dynamo-runtime/src/dynamo"
    read = {
        (path.name, variable)
        for path in source.rglob("*.py")
        for variable in re.findall(r'"((?:DYN|NATS)_[A-Z_]+)"', path.read_text())
    }
    # The guard marks the processes of an engine with a variable that is not a setting.
    read -= {("_guard.py", "DYN_VLLM_WORKER")}
    assert {file for file, _ in read} == {"_settings.py"}
    known = {setting.variable for setting in (*SETTINGS, *FRONTEND_SETTINGS)}
    assert {variable for _, variable in read} <= known


def _section(heading: str) -> str:
    """A section of docs/settings.md."""
    text = (ROOT / "docs/settings.md").read_text()
    return text.partition(f"## {heading}")[2].partition("\n## ")[0]


def _written(default: object) -> str:
    """A default as people set it."""
    if isinstance(default, bool):
        return str(default).lower()
    whole = isinstance(default, float) and default.is_integer()
    return str(int(default)) if whole else str(default)


def _anchors(document: Path) -> list[str]:
    """The anchors of the headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings]
