"""Threads that scrape targets again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from time import monotonic

from dynamo_metrics.cli.top._target import Target

_STEP = 0.2
"""Seconds after which a changed interval is noticed at the latest."""


class Poller:
    """Scrapes targets at an interval, each in a daemon thread of its own.

    A target that hangs delays no other, nor the end of the program.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        """Seconds between two scrapes of a target."""
        self.is_paused = False
        self._wanted: dict[str, Target] = {}
        self._stopping: dict[str, threading.Event] = {}

    @property
    def targets(self) -> list[Target]:
        """The targets, in their order."""
        return list(self._wanted.values())

    def set_targets(self, targets: Iterable[Target]) -> None:
        """Scrape these from now on. A target of an address that is scraped already goes on."""
        wanted = {target.address: target for target in targets}
        for address in self._wanted.keys() - wanted.keys():
            self._stopping.pop(address).set()
        self._wanted = {
            address: self._wanted.get(address, target) for address, target in wanted.items()
        }
        for address in self._wanted.keys() - self._stopping.keys():
            stop = self._stopping[address] = threading.Event()
            self._start(self._wanted[address], stop)

    def stop(self) -> None:
        """Stop scraping, without waiting for scrapes in flight."""
        for stop in self._stopping.values():
            stop.set()

    def _start(self, target: Target, stop: threading.Event) -> None:
        threading.Thread(
            target=self._run, args=(target, stop), name=f"scrape {target.name}", daemon=True
        ).start()

    def _run(self, target: Target, stop: threading.Event) -> None:
        while not stop.is_set():
            begin = monotonic()
            if not self.is_paused:
                target.scrape()
            while (left := begin + self.interval - monotonic()) > 0:
                if stop.wait(min(left, _STEP)):
                    return


def scrape_all(targets: Iterable[Target]) -> None:
    """Scrape targets once, all at the same time."""
    together([target.scrape for target in targets])


def together(work: list[Callable[[], None]]) -> None:
    """Run functions in threads, and wait for all."""
    threads = [threading.Thread(target=one, daemon=True) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
