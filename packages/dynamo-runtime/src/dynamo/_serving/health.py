"""What ``/health`` shows of the endpoints that this process serves.

Runtimes of one process may share a status server and serve the same endpoint: it is ready when all
of them are.
"""

from __future__ import annotations

import dynamo_metrics

_reports: dict[dynamo_metrics.Endpoint, dict[int, bool]] = {}


class EndpointHealth:
    """What one runtime reports of one endpoint; nothing at first."""

    def __init__(self, endpoint: dynamo_metrics.Endpoint) -> None:
        self._endpoint = endpoint
        self._ready: bool | None = None
        self._reachable = True

    def report(self, *, ready: bool) -> None:
        """Report whether requests are taken and answered."""
        self._ready = ready
        self._report()

    def reach(self, reachable: bool) -> None:
        """Report whether requests can arrive. Without that the endpoint is not ready."""
        self._reachable = reachable
        if self._ready is not None:
            self._report()

    def withdraw(self, *, keep: bool) -> None:
        """Stop reporting.

        If no other runtime of the process serves the endpoint, it leaves ``/health``; with ``keep``
        it stays there as not ready, for a process that is about to end.
        """
        self._ready = None
        others = _reports.get(self._endpoint, {})
        others.pop(id(self), None)
        if others:
            self._show()
            return
        _reports.pop(self._endpoint, None)
        if keep:
            self._endpoint.set_health_status("notready")
        else:
            self._endpoint.clear_health_status()

    def _report(self) -> None:
        ready = bool(self._ready) and self._reachable
        _reports.setdefault(self._endpoint, {})[id(self)] = ready
        self._show()

    def _show(self) -> None:
        ready = all(_reports[self._endpoint].values())
        self._endpoint.set_health_status("ready" if ready else "notready")
