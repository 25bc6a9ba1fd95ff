"""The dashboard of LLM workers: one of them, or a fleet. Each row is a file.

It shows what the mocker and vLLM show, the requests that the runtime counts, and how Python fares.
Its dashed lines are the thresholds of the alerts.
"""

from dynamo_metrics.dashboards.worker._dashboard import worker_dashboard

__all__ = ["worker_dashboard"]
