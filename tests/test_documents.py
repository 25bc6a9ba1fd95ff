"""README and docs: every Python snippet runs and prints what it should, every link leads somewhere.

The Rust snippets are doctests of the crate.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dynamo._settings import SETTINGS
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


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_every_block_names_its_language(document: Path) -> None:
    """A block without one would be a Rust doctest."""
    assert [block.line for block in blocks(document.read_text()) if not block.language] == []


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_every_link_inside_the_project_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text())
    inside = [link.split("#") for link in links if "://" not in link]
    for path, *anchor in inside:
        target = document.parent / path if path else document
        assert target.exists(), f"{document.name} links to {path}, which is not there"
        if anchor:
            assert anchor[0] in _anchors(target), f"{target.name} has no heading #{anchor[0]}"


def test_the_readme_shows_a_page_and_a_snippet_before_anything_else() -> None:
    readme = ROOT / "README.md"
    _, page = block_with(readme, "sh", "curl")
    first = programs(readme)[0].steps[0]
    assert page
    assert first.output
    assert first.line < 45


def test_the_readme_lists_every_setting() -> None:
    sources = (
        "crates/dynamo-runtime/src/config.rs",
        "packages/dynamo-metrics/src/dynamo_metrics/_settings.py",
    )
    config = "".join((ROOT / source).read_text() for source in sources)
    rows = re.findall(r"^\| `(DYN_\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(set(re.findall(r'"(DYN_\w+)"', config)))


def test_the_documents_list_every_setting_of_serving() -> None:
    """The table of ``dynamo._settings`` and that of docs/serving.md say the same."""
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (.+?) \| (.+) \|$",
        (ROOT / "docs/serving.md").read_text(),
        re.MULTILINE,
    )
    assert [variable for variable, _, _ in rows] == [one.variable for one in SETTINGS]
    for (_, default, meaning), setting in zip(rows, SETTINGS, strict=True):
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
    # The guard marks the processes of an engine with a variable that is no setting.
    assert read - {("_guard.py", "DYN_VLLM_WORKER")} == {
        ("_settings.py", setting.variable)
        for setting in SETTINGS
        if setting.variable.startswith(("DYN_", "NATS_"))
    }


def _written(default: object) -> str:
    """A default as people set it."""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def _anchors(document: Path) -> list[str]:
    """The anchors of the headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings]
