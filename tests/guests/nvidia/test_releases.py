"""Releases of Dynamo other than the tested one, played by objects."""

from __future__ import annotations

import logging
from itertools import count
from typing import Any

import pytest

import dynamo_metrics
from dynamo_metrics.guests.nvidia import _exposition
from tests.support import refused
from tests.support.log import logged_here

CONNECTIONS = count(1)


class Metrics:
    """What an endpoint of another release has as ``metrics``."""

    def __init__(self, *methods: str) -> None:
        self.registered: dict[str, Any] = {}
        for method in methods:
            name = f"register_prometheus_{method}_callback"
            setattr(
                self,
                name,
                lambda callback, method=method: self.registered.update({method: callback}),
            )


class Endpoint:
    """An endpoint of a runtime of its own."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._connection = next(CONNECTIONS)

    def connection_id(self) -> int:
        return self._connection


def test_without_text_callbacks_the_error_says_what_to_do() -> None:
    with refused(
        RuntimeError, "ai-dynamo-runtime", "register_prometheus_expfmt_callback", "install"
    ):
        dynamo_metrics.attach(Endpoint(Metrics()), "ns.comp.ep")


def test_without_typed_callbacks_metrics_are_shown_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    theirs = Metrics("expfmt")
    dynamo_metrics.attach(Endpoint(theirs), "ns.comp.ep").create_gauge("m", "help").set(1)
    assert "ns_comp_ep_m" in theirs.registered["expfmt"]()
    assert "not in its OTLP export" in caplog.text


def test_an_untested_release_is_noted_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_exposition, "_release", lambda: "1.7.0")
    dynamo_metrics.attach(Endpoint(Metrics("expfmt", "typed")), "ns.comp.ep")
    assert [record.levelno for record in logged_here(caplog)] == [logging.WARNING]
    assert "ai-dynamo-runtime 1.7.0" in caplog.text


def test_the_tested_release_is_the_one_installed(caplog: pytest.LogCaptureFixture) -> None:
    theirs = Metrics("expfmt", "typed")
    dynamo_metrics.attach(Endpoint(theirs), "ns.comp.ep")
    assert logged_here(caplog) == []
    assert theirs.registered["expfmt"]() == ""
    assert theirs.registered["typed"]() == []
