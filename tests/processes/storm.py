"""Kills members of a group at random points, and checks what scrapes show meanwhile and then.

A program: ``storm.py DIRECTORY PORT KILLS SEED``. Its last line is ``ok`` and some numbers.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import threading
import time
import urllib.request

directory, port, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
os.environ["DYN_METRICS_SHARED_DIR"] = directory
os.environ["DYN_SYSTEM_PORT"] = str(port)

from dynamo_metrics import Runtime  # noqa: E402

MEMBERS = 6
BY = 0.1
"""What the float counter adds: a number without an exact binary form."""


def member(pipe: int) -> None:
    """Count, and say after each update that it has returned."""
    metrics = Runtime().namespace("ns").component("comp").endpoint("ep").metrics
    whole = metrics.create_intcounter("whole_total", "help")
    part = metrics.create_counter("part_total", "help")
    seconds = metrics.create_histogram("seconds", "help", buckets=[1.0])
    native = metrics.create_histogram("native_seconds", "help", native=True, max_buckets=8)
    vec = metrics.create_intcountervec("vec_total", "help", ["l"])
    gauge = metrics.create_gauge("alive", "help", across="sum")
    gauge.set(1)
    count = 0
    while True:
        whole.inc()
        part.inc_by(BY)
        seconds.observe(0.5)
        native.observe(2.0 ** (count % 40))
        vec.inc({"l": str(count % 50)})
        os.write(pipe, b"x")
        count += 1


class Child:
    """A forked member, and how many rounds it has completed."""

    def __init__(self) -> None:
        self._pipe, theirs = os.pipe()
        os.set_blocking(self._pipe, False)
        self.pid = os.fork()
        if not self.pid:
            try:
                os.set_blocking(theirs, True)
                member(theirs)
            finally:
                os._exit(1)
        os.close(theirs)
        self.rounds = 0

    def read(self) -> None:
        while True:
            try:
                data = os.read(self._pipe, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                return
            self.rounds += len(data)

    def kill(self) -> int:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.read()
        os.close(self._pipe)
        return self.rounds


class Scraper(threading.Thread):
    """Scrapes all the time: no counter goes back, and nobody is away for long."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stopping = False
        self.scrapes = 0
        self.longest = 0.0
        self.errors: list[str] = []
        self._last: dict[str, float] = {}

    def run(self) -> None:
        answered = time.monotonic()
        began = False
        while not self.stopping:
            try:
                text = scrape()
            except OSError:
                if began:
                    self.longest = max(self.longest, time.monotonic() - answered)
                time.sleep(0.01)
                continue
            began = True
            answered = time.monotonic()
            self.scrapes += 1
            for series, value in values(text).items():
                if is_counter(series):
                    if value < self._last.get(series, 0):
                        self.errors.append(f"{series} {self._last[series]!r} -> {value!r}")
                    self._last[series] = value
            for series, value in self._last.items():
                if series not in values(text):
                    self.errors.append(f"{series} is gone at {value}")


def scrape() -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
        return response.read().decode()


def values(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if line.startswith("ns_comp_ep_")]
    pairs = [line.rpartition(" ") for line in lines]
    return {series: float(value) for series, _, value in pairs}


def is_counter(series: str) -> bool:
    return re.match(r"ns_comp_ep_\w+_(total|count|sum|bucket)\b", series) is not None


def main() -> None:
    chance = random.Random(seed)
    scraper = Scraper()
    children = [Child() for _ in range(MEMBERS)]
    scraper.start()
    rounds = 0
    for _ in range(kills):
        time.sleep(chance.random() * 0.02)
        for child in children:
            child.read()
        position = chance.randrange(MEMBERS)
        rounds += children[position].kill()
        children[position] = Child()
    time.sleep(1)
    # The last of them stop counting, and go on answering.
    for child in children:
        os.kill(child.pid, signal.SIGSTOP)
        child.read()
    time.sleep(0.2)
    for child in children:
        child.read()
        rounds += child.kill()
    scraper.stopping = True
    scraper.join()
    started = kills + MEMBERS
    shown = values(Runtime().metrics.prometheus_expfmt())
    label = '{dynamo_component="comp",dynamo_endpoint="ep",dynamo_namespace="ns"}'
    whole = shown[f"ns_comp_ep_whole_total{label}"]
    print(rounds, whole, scraper.scrapes, scraper.longest, sorted(os.listdir(directory)))
    print(scraper.errors[:5])
    assert not scraper.errors, scraper.errors[:3]
    # Each process may have been killed in the middle of a round that had not returned.
    assert rounds <= whole <= rounds + started, (rounds, whole)
    part = shown[f"ns_comp_ep_part_total{label}"] / BY
    assert rounds - 1e-3 <= part <= rounds + started + 1e-3, (rounds, part)
    for name in ("seconds", "native_seconds"):
        count = shown[f"ns_comp_ep_{name}_count{label}"]
        assert rounds <= count <= rounds + started, (name, rounds, count)
    vec = sum(value for series, value in shown.items() if "_vec_total" in series)
    assert rounds <= vec <= rounds + started, (rounds, vec)
    files = [name for name in os.listdir(directory) if name.startswith("member-")]
    print("ok", rounds, scraper.scrapes, round(scraper.longest, 2), len(files))


if __name__ == "__main__":
    main()
