"""What ``deploy/`` holds is what the code makes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("grafana_foundation_sdk")

from dynamo_metrics.dashboards._files import files, write
from tests.support.documents import ROOT

FILES = files()


@pytest.mark.parametrize("name", FILES)
def test_the_file_in_deploy_is_the_one_that_the_code_makes(name: str) -> None:
    path = ROOT / "deploy" / name
    assert path.read_text() == FILES[name], f"{name} is not up to date: make dashboards"


def test_writing_makes_the_folders_that_are_not_there(tmp_path: Path) -> None:
    write(tmp_path / "deploy")
    written = [path for path in (tmp_path / "deploy").rglob("*") if path.is_file()]
    assert {str(path.relative_to(tmp_path / "deploy")) for path in written} == FILES.keys()
