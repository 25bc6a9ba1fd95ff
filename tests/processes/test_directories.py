"""Directories that cannot be used, and files that cannot be read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dynamo_metrics import MetricsError, Runtime, RuntimeMetrics
from tests.processes.conftest import eventually, value
from tests.support.process import Start, serving


def test_a_directory_that_others_may_write_to_is_refused(directory: Path) -> None:
    directory.mkdir()
    directory.chmod(0o777)
    with pytest.raises(OSError, match=r"may be written by other users .*chmod 700"):
        Runtime(shared_dir=directory)


def test_a_directory_of_another_user_is_refused(directory: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    directory.mkdir(mode=0o700)
    os.chown(directory, 12345, 12345)
    with pytest.raises(OSError, match="belongs to user 12345"):
        Runtime(shared_dir=directory)


def test_a_file_is_no_directory(directory: Path) -> None:
    directory.write_text("")
    with pytest.raises(OSError, match="use a directory"):
        Runtime(shared_dir=directory)


def test_auto_makes_a_directory_and_hands_it_to_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("DYN_METRICS_SHARED_DIR", "auto")
    runtime = Runtime()
    made = Path(runtime.shared_dir or "")
    assert made.parent == tmp_path.resolve()
    assert made.stat().st_mode & 0o777 == 0o700
    assert os.environ["DYN_METRICS_SHARED_DIR"] == str(made)
    runtime.shutdown()


def test_auto_removes_directories_that_no_process_uses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    used = Runtime(shared_dir=tmp_path / "dynamo-metrics-auto-used")
    for name in ("dynamo-metrics-auto-old", "dynamo-metrics-auto-new", "dynamo-metrics-shop"):
        (tmp_path / name).mkdir(mode=0o700)
    for name in ("dynamo-metrics-auto-old", "dynamo-metrics-auto-used", "dynamo-metrics-shop"):
        os.utime(tmp_path / name, (0, 0))
    made = Runtime(shared_dir="auto")
    names = {path.name.removeprefix("dynamo-metrics-") for path in tmp_path.iterdir()}
    assert names == {"auto-used", "auto-new", "shop", Path(made.shared_dir or "").name[15:]}
    used.shutdown()
    made.shutdown()


def test_const_labels_and_names_in_utf8_are_shown_by_a_group(
    monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    monkeypatch.setenv("DYN_METRICS_CONST_LABELS", "pod=a")
    runtime = Runtime(shared_dir=directory)
    vec = runtime.metrics.create_countervec(
        "größe.gesamt", "help", ["piece"], const_labels={"unit": "µm"}, full_name=True
    )
    vec.inc({"piece": "∅"})
    assert vec.name() == "größe.gesamt"
    text = runtime.metrics.prometheus_expfmt()
    assert 'gr__e_gesamt{piece="∅",pod="a",unit="µm"} 1' in text  # the format has no other names
    runtime.shutdown()


def test_foreign_and_damaged_files_are_left_out(directory: Path) -> None:
    runtime = Runtime(shared_dir=directory)
    metrics = runtime.namespace("ns").metrics
    metrics.create_intcounter("counted_total", "help").inc()
    (directory / f"member-{'0' * 32}").write_bytes(os.urandom(5000))
    (directory / f"member-{'1' * 32}").write_bytes(b"")
    (directory / "notes.txt").write_text("of somebody")
    text = runtime.metrics.prometheus_expfmt()
    assert value(text, "ns_counted_total") == 1
    text = runtime.metrics.prometheus_expfmt()
    assert value(text, "dynamo_runtime_shared_files_refused_total") == 2
    runtime.shutdown()


def test_a_full_disk_is_an_error_at_creation(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", str(place)], check=False
    )
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    try:
        runtime = Runtime(shared_dir=place / "group")
        metrics = runtime.namespace("ns").metrics
        vec = metrics.create_intcountervec("filled_total", "help", ["l"])
        for number in range(20_000):  # beyond the room there is
            vec.inc({"l": str(number)})
        with pytest.raises(MetricsError, match="cannot be stored in the shared directory"):
            _create_many(metrics)
        assert value(runtime.metrics.prometheus_expfmt(), "ns_filled_total") > 100
        with pytest.raises(OSError, match="No space left on device"):
            (place / "x").write_bytes(b"x" * (1 << 20))
        runtime.shutdown()
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


def _create_many(metrics: RuntimeMetrics) -> None:
    for number in range(20_000):
        metrics.create_intcounter(f"more_{number}_total", "help").inc()


@pytest.mark.parametrize("across", ["each", "sum", "min", "max", "last"])
def test_gauges_take_a_rule(directory: Path, across: str) -> None:
    runtime = Runtime(shared_dir=directory)
    gauge = runtime.namespace("ns").metrics.create_gauge("g", "help", across=across)  # type: ignore[arg-type]
    gauge.set(3)
    text = runtime.metrics.prometheus_expfmt()
    assert value(text, "ns_g") == 3
    assert ('ns_g{dynamo_namespace="ns",dynamo_process=' in text) == (across == "each")
    runtime.shutdown()


def test_an_unknown_rule_is_refused() -> None:
    metrics = Runtime().namespace("ns").metrics
    with pytest.raises(ValueError, match=r"across .*each, sum, min, max or last"):
        metrics.create_gauge("g", "help", across="mean")  # type: ignore[arg-type]


def test_the_limit_of_series_is_one_for_the_group(directory: Path) -> None:
    runtime = Runtime(shared_dir=directory)
    vec = runtime.namespace("ns").metrics.create_intcountervec(
        "limited_total", "help", ["l"], max_series=3
    )
    program = Path(__file__).with_name("programs") / "limited.py"
    subprocess.run([sys.executable, program, directory], check=True, timeout=30)
    for label in "acde":
        vec.inc({"l": label})
    text = runtime.metrics.prometheus_expfmt()
    assert value(text, "ns_limited_total", l="a") == 2
    assert value(text, "ns_limited_total", l="__overflow__") == 2
    runtime.shutdown()


def test_a_directory_that_is_removed_is_logged_once(start: Start, directory: Path) -> None:
    worker = serving(start, 'print("there"); input()', DYN_METRICS_SHARED_DIR=str(directory))
    assert worker.line() == "there"
    shutil.rmtree(directory)

    def is_logged() -> None:
        assert f"the shared directory {directory} was removed" in worker.errors

    eventually(is_logged)
    worker.tell()
    assert worker.exit_code() == 0
    assert worker.errors.count("was removed") == 1
