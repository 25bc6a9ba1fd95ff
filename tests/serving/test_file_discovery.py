"""Discovery through a directory: who may use it, who is in it, and who is forgotten."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from dynamo._directory import directory_path
from dynamo.discovery import Instance, Target
from dynamo.discovery.file import FileDiscovery, discovery, store
from dynamo.runtime import DistributedRuntime
from tests.support.process import Start
from tests.support.serving import client_of, discovery_of, endpoint_of, until


def instance(number: int = 1, endpoint: str = "generate") -> Instance:
    return Instance("ns", "comp", endpoint, number, "tcp", f"address {number}")


def entries() -> list[Path]:
    return sorted(directory_path().iterdir())


async def ids_become(watch: Any, *expected: int) -> None:
    await until(lambda: sorted(watch.instances) == sorted(expected) or None)


async def test_the_directory_and_its_files_are_for_their_user_alone() -> None:
    async with discovery_of("file") as one:
        await one.register(instance())
        directory = directory_path()
        assert directory.name == "dynamo"
        assert directory.parent == Path(os.environ["XDG_RUNTIME_DIR"])
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert [stat.S_IMODE(file.stat().st_mode) for file in entries()] == [0o600]


async def test_without_a_runtime_directory_it_is_named_by_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for absent in ("", "/no/such/directory", "relative"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", absent)
        assert directory_path() == tmp_path / f"dynamo-{os.geteuid()}"


async def test_a_setting_names_another_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DYN_FILE_KV", str(tmp_path / "deep" / "kv"))
    async with discovery_of("file") as one:
        await one.register(instance())
    assert (tmp_path / "deep" / "kv").is_dir()


@pytest.mark.parametrize("mode", [0o777, 0o750, 0o701])
async def test_a_directory_that_is_open_to_others_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int
) -> None:
    directory = tmp_path / "kv"
    directory.mkdir()
    directory.chmod(mode)
    monkeypatch.setenv("DYN_FILE_KV", str(directory))
    with pytest.raises(PermissionError) as caught:
        FileDiscovery.open()
    assert str(caught.value) == (
        f"{directory} is open to other users (mode {mode:04o}): chmod 700 it, or name another "
        "directory in DYN_FILE_KV"
    )


async def test_a_directory_of_somebody_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DYN_FILE_KV", str(tmp_path / "kv"))
    FileDiscovery.open()
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    with pytest.raises(PermissionError, match=r"belongs to the user with the id .*: name another"):
        FileDiscovery.open()


async def test_a_link_or_a_file_in_its_place_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("DYN_FILE_KV", str(tmp_path / "link"))
    with pytest.raises(PermissionError, match="is not a directory: name another directory in DYN"):
        FileDiscovery.open()
    (tmp_path / "file").touch()
    monkeypatch.setenv("DYN_FILE_KV", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"cannot be used for discovery: .*; name another"):
        FileDiscovery.open()


async def test_instances_come_and_go_for_those_who_watch() -> None:
    async with discovery_of("file") as one, discovery_of("file") as other:
        watch = await other.watch("ns", "comp", "generate")
        await one.register(instance(1))
        await one.register(instance(2))
        await one.register(instance(3, "another"))
        await ids_become(watch, 1, 2)
        await one.unregister(instance(1))
        await ids_become(watch, 2)
        later = await one.watch("ns", "comp", "generate")
        assert list(later.instances) == [2]
    assert entries() == []


async def test_changes_within_one_tick_of_the_clock_are_all_seen() -> None:
    async with discovery_of("file") as one, discovery_of("file") as other:
        watch = await other.watch("ns", "comp", "generate")
        for number in range(1, 50):
            await one.register(instance(number))
            if number % 7 == 0:
                await asyncio.sleep(0)
        await ids_become(watch, *range(1, 50))


async def test_the_entry_of_a_killed_process_is_dead_at_once_and_removed(start: Start) -> None:
    worker = start("worker_with_file.py")
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        assert len(entries()) == 1
        worker.interrupt(signal.SIGKILL)
        await asyncio.to_thread(worker.exit_code)
        runtime._shared.network().discovery._look()
        assert client.instance_ids() == []
        assert entries() == []


async def test_a_stopped_process_keeps_its_entry(start: Start) -> None:
    worker = start("worker_with_file.py")
    async with DistributedRuntime() as runtime:
        client = await client_of(endpoint_of(runtime))
        worker.freeze()
        await asyncio.sleep(3 * discovery.POLL_INTERVAL)
        assert len(client.instance_ids()) == 1
        worker.thaw()


async def test_an_entry_that_was_removed_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_RESTORE_INTERVAL", discovery.POLL_INTERVAL)
    async with discovery_of("file") as one:
        await one.register(instance())
        [file] = entries()
        file.unlink()
        await until(lambda: entries() or None)
        async with discovery_of("file") as other:
            assert list((await other.watch("ns", "comp", "generate")).instances) == [1]


async def test_what_is_no_entry_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    async with discovery_of("file") as one:
        await one.register(instance())
        directory = directory_path()
        contents = (b"", b"{", b"[]", b"{}", b'{"instances": [7]}', b'{"instances": 7}')
        files = [directory / f"{number}.entry" for number in range(len(contents))]
        held = []
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
            held.append(lock(file))
        (directory / "note.txt").write_text("mine")
        (directory / "folder.entry").mkdir()
        (directory / "link.entry").symlink_to("/etc/passwd")
        os.mkfifo(directory / "pipe.entry")
        watch = await one.watch("ns", "comp", "generate")
        assert list(watch.instances) == [1]
        await asyncio.sleep(3 * discovery.POLL_INTERVAL)
        told = [record for record in caplog.records if "cannot be read" in record.message]
        assert len(told) == len(files)
        assert (directory / "note.txt").read_text() == "mine"
        for descriptor in held:
            os.close(descriptor)


def lock(file: Path) -> int:
    import fcntl

    descriptor = os.open(file, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


async def test_a_file_left_behind_unfinished_is_removed_when_it_is_old() -> None:
    async with discovery_of("file") as one:
        await one.register(instance())
        old, new = (directory_path() / f"{name}.new" for name in ("old", "new"))
        old.touch()
        new.touch()
        os.utime(old, (0, time.time() - 2 * store._UNFINISHED_SECONDS))
        await one.watch("ns", "comp", "generate")
        assert not old.exists()
        assert new.exists()


async def test_targets_are_those_of_all_processes_and_the_last_ones_announced() -> None:
    labels = {"namespace": "", "component": "", "instance": "1"}
    async with discovery_of("file") as one, discovery_of("file") as other:
        assert await other.targets() == []
        await one.announce(1, Target("127.0.0.1:1", labels))
        await one.announce(1, Target("127.0.0.1:2", labels))
        assert await other.targets() == [Target("127.0.0.1:2", labels)]


async def test_a_directory_that_disappears_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_RESTORE_INTERVAL", discovery.POLL_INTERVAL)
    restore, seen = store.OwnEntry.restore, asyncio.Event()
    monkeypatch.setattr(
        store.OwnEntry, "restore", lambda own: restore(own) if seen.is_set() else None
    )
    async with discovery_of("file") as one, discovery_of("file") as other:
        watch = await other.watch("ns", "comp", "generate")
        await one.register(instance())
        await ids_become(watch, 1)
        for file in entries():
            file.unlink()
        directory_path().rmdir()
        await ids_become(watch)
        seen.set()
        await ids_become(watch, 1)
        assert stat.S_IMODE(directory_path().stat().st_mode) == 0o700


async def test_looking_costs_next_to_nothing() -> None:
    async with discovery_of("file") as one:
        others = [FileDiscovery.open() for _ in range(64)]
        for number, other in enumerate(others):
            await other.register(instance(1 + number))
        assert isinstance(one, FileDiscovery)
        await one.watch("ns", "comp", "generate")
        await asyncio.sleep(store._RECENT_SECONDS + 0.1)  # from now on nothing changes
        begun = time.thread_time()
        for _ in range(100):
            one._look()
        # 64 entries, ten times a second: below one percent of a core, with room to spare.
        assert (time.thread_time() - begun) / 100 < 0.005
        for other in others:
            await other.close()


def test_an_entry_that_is_replaced_while_the_directory_is_read_does_not_vanish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, known = store.OwnEntry(tmp_path), store.Entries(tmp_path)
    own.write(store.Records((instance(1),)))
    assert [records.instances for records in known.records()] == [(instance(1),)]
    monkeypatch.setattr(known, "_list", lambda: None)  # it was listed before the next line
    own.write(store.Records((instance(1), instance(2))))
    assert [records.instances for records in known.records()] == [(instance(1), instance(2))]
    own.remove()
    assert list(known.records()) == []
