"""What ``/health`` shows of the endpoints that this process serves.

Runtimes of one process may share a status server and serve the same endpoint: it is ready when all
of them are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynamo.runtime._nodes import Endpoint

_reports: dict[Endpoint, dict[int, bool]] = {}


class EndpointHealth:
    """What one runtime reports of one endpoint; nothing at first."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def report(self, *, ready: bool) -> None:
        """Say whether requests are taken and answered."""
        _reports.setdefault(self._endpoint, {})[id(self)] = ready
        self._show()

    def withdraw(self, *, forget: bool) -> None:
        """Report no more.

        ``forget`` takes the endpoint off ``/health`` if nobody else serves it. Otherwise it stays
        there as not ready, for a process that is about to end.
        """
        others = _reports.get(self._endpoint, {})
        others.pop(id(self), None)
        if others:
            self._show()
            return
        _reports.pop(self._endpoint, None)
        if forget:
            self._endpoint.clear_health_status()
        else:
            self._endpoint.set_health_status("notready")

    def _show(self) -> None:
        ready = all(_reports[self._endpoint].values())
        self._endpoint.set_health_status("ready" if ready else "notready")
