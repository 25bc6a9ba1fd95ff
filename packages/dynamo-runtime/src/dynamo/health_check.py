"""The request of health checks, as programs written for Dynamo define it.

    class MyPayload(HealthCheckPayload):
        def __init__(self) -> None:
            self.default_payload = {"prompt": "1", "max_tokens": 1}
            super().__init__()

    await endpoint.serve_endpoint(handler, health_check_payload=MyPayload().to_dict())

``DYN_HEALTH_CHECK_PAYLOAD`` replaces it: a JSON object, or ``@`` and the path of a file with one.
"""

from __future__ import annotations

from typing import Any

from dynamo._settings import HEALTH_CHECK_PAYLOAD

__all__ = ["HealthCheckPayload", "load_health_check_from_env"]


def load_health_check_from_env() -> dict[str, Any] | None:
    """Return the payload of ``DYN_HEALTH_CHECK_PAYLOAD``, None if it is unset.

    Raises ``ValueError`` for anything but a JSON object.
    """
    return HEALTH_CHECK_PAYLOAD.read()


class HealthCheckPayload:
    """The base of payloads: a subclass sets ``default_payload`` before ``super().__init__()``."""

    default_payload: dict[str, Any]

    def __init__(self) -> None:
        """Raise ``ValueError`` for a bad setting, ``NotImplementedError`` without a default."""
        if not hasattr(self, "default_payload"):
            raise NotImplementedError(
                f"{type(self).__name__} has no payload: set self.default_payload before "
                "super().__init__()"
            )
        self._payload = load_health_check_from_env()

    def to_dict(self) -> dict[str, Any]:
        """Return the payload to send."""
        return dict(self.default_payload if self._payload is None else self._payload)
