"""Short-lived jobs: the real Pushgateway, and files for the node exporter."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from dynamo.runtime import DistributedRuntime
from dynamo_metrics.push import (
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
    write_to_textfile,
)
from tests.support.errors import refused
from tests.support.exposition import exposition, sample
from tests.support.process import free_port
from tests.support.waiting import eventually
from tests.support.web import hashed

PUSHGATEWAY = shutil.which("prometheus-pushgateway")

needs_pushgateway = pytest.mark.skipif(
    PUSHGATEWAY is None, reason="prometheus-pushgateway is not installed"
)


@contextmanager
def pushgateway(*arguments: str) -> Iterator[str]:
    """A Pushgateway on a free port of the loopback, ``host:port``."""
    address = f"127.0.0.1:{free_port()}"
    command = [str(PUSHGATEWAY), f"--web.listen-address={address}", *arguments]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: text_of(address))
            yield address
        finally:
            server.terminate()


@pytest.fixture
def gateway() -> Iterator[str]:
    """A Pushgateway that everybody may push to."""
    with pushgateway() as address:
        yield address


def text_of(address: str) -> str | None:
    """What it shows; its refusal if it wants a password; None if nothing listens."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as response:
            text: str = response.read().decode()
            return text
    except HTTPError as refusal:
        with refusal:
            return refusal.reason
    except OSError:
        return None


def shown(address: str, name: str, **labels: str) -> float:
    text = text_of(address)
    assert text is not None
    return sample(exposition(text), name, **labels)


@needs_pushgateway
def test_a_push_replaces_the_group_and_an_addition_only_the_names(
    runtime: DistributedRuntime, gateway: str
) -> None:
    key = {"instance": "a/b", "shard": ""}
    runtime.metrics.create_intcounter("done_total", "help").inc_by(3)
    push_to_gateway(gateway, "batch", runtime, key)
    assert shown(gateway, "done_total", job="batch", instance="a/b") == 3
    other = DistributedRuntime()
    other.metrics.create_intgauge("rows", "help").set(7)
    pushadd_to_gateway(f"http://{gateway}/", "batch", other, key)
    assert shown(gateway, "done_total", job="batch", instance="a/b") == 3
    assert shown(gateway, "rows", job="batch", instance="a/b") == 7
    push_to_gateway(gateway, "batch", other, key)
    assert "done_total" not in (text_of(gateway) or "")
    delete_from_gateway(gateway, "batch", key)
    # The gateway answers before it deletes.
    eventually(lambda: "rows" not in (text_of(gateway) or "rows") or None)


@needs_pushgateway
def test_what_the_gateway_refuses_is_told_in_its_words(
    runtime: DistributedRuntime, gateway: str
) -> None:
    runtime.metrics.register_prometheus_expfmt_callback(lambda: "with_time 1 1700000000000\n")
    with refused(OSError, f"Pushgateway {gateway} refused", "HTTP 400", "timestamp"):
        push_to_gateway(gateway, "batch", runtime)


def test_a_gateway_that_is_not_there_is_an_error_in_one_line(runtime: DistributedRuntime) -> None:
    address = f"127.0.0.1:{free_port()}"
    for given in (address, f"me:secret@{address}"):
        with refused(OSError, f"Pushgateway {address} cannot be reached", "refused"):
            push_to_gateway(given, "batch", runtime)


def test_what_is_no_address_of_a_gateway_is_an_error_in_one_line(
    runtime: DistributedRuntime,
) -> None:
    with refused(OSError, "Pushgateway host:port cannot be reached", "give host:port or a URL"):
        push_to_gateway("me:secret@host:port", "batch", runtime)


@needs_pushgateway
def test_a_user_and_a_password_come_from_the_url_or_the_argument(
    runtime: DistributedRuntime, tmp_path: Path
) -> None:
    config = tmp_path / "web.yml"
    config.write_text(f"basic_auth_users: {{me: '{hashed('se cret')}'}}\n")
    with pushgateway(f"--web.config.file={config}") as address:
        push_to_gateway(f"http://me:se%20cret@{address}", "batch", runtime)
        push_to_gateway(address, "batch", runtime, auth=("me", "se cret"))
        push_to_gateway(f"a:b@{address}", "batch", runtime, auth=("me", "se cret"))
        with refused(OSError, f"Pushgateway {address} refused", "HTTP 401"):
            push_to_gateway(f"me:wrong@{address}", "batch", runtime)


@pytest.mark.parametrize(
    ("job", "key", "words"),
    [
        ("", {}, "job is empty"),
        ("batch", {"job": "x"}, "give it as the argument job"),
        ("batch", {"in-stance": "x"}, "'in-stance' is not a label name"),
        ("batch", {"__name__": "x"}, "'__name__' is not a label name"),
    ],
)
def test_a_group_that_cannot_be_named_is_refused(
    runtime: DistributedRuntime, job: str, key: dict[str, str], words: str
) -> None:
    with refused(ValueError, words):
        push_to_gateway("127.0.0.1:1", job, runtime, key)


def test_a_file_is_replaced_as_a_whole(runtime: DistributedRuntime, tmp_path: Path) -> None:
    counter = runtime.metrics.create_intcounter("done_total", "help")
    target = tmp_path / "batch.prom"
    for expected in (1, 2):
        counter.inc()
        write_to_textfile(target, runtime)
        assert sample(exposition(target.read_text()), "done_total") == expected
    assert os.listdir(tmp_path) == ["batch.prom"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_a_file_that_cannot_be_written_leaves_nothing_behind(
    runtime: DistributedRuntime, tmp_path: Path
) -> None:
    target = tmp_path / "batch.prom"
    target.mkdir()
    with pytest.raises(OSError, match=r"batch\.prom"):
        write_to_textfile(target, runtime)
    assert os.listdir(tmp_path) == ["batch.prom"]


@pytest.mark.parametrize(
    "push",
    [
        lambda node: push_to_gateway("127.0.0.1:9", "batch", node),
        lambda node: pushadd_to_gateway("127.0.0.1:9", "batch", node),
        lambda node: write_to_textfile("/nowhere/metrics.prom", node),
    ],
    ids=["push_to_gateway", "pushadd_to_gateway", "write_to_textfile"],
)
def test_what_is_no_node_is_refused(
    runtime: DistributedRuntime, push: Callable[[Any], None]
) -> None:
    with refused(TypeError, "takes a runtime", "give the node itself, not its metrics"):
        push(runtime.metrics)
