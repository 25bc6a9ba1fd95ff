"""Dashboards as the command writes them. Needs the extra ``dashboards``."""

from __future__ import annotations

from pathlib import Path


def made(url: str) -> str:
    """Return a dashboard as JSON: that of LLM workers, or with an address that of its page.

    Raises ``ImportError`` without the extra, ``ValueError`` if ``url`` is not an address of HTTP
    and ``OSError`` if no metrics are there.
    """
    try:
        from dynamo_metrics.dashboards.page import page_dashboard
        from dynamo_metrics.dashboards.worker import worker_dashboard
    except ModuleNotFoundError as error:
        raise ImportError(
            f"dynamo-metrics dashboard needs {error.name}: pip install "
            "'dynamo-metrics[cli,dashboards]', or './packages/dynamo-metrics[cli,dashboards]' in a "
            "checkout, with Python 3.11 or newer"
        ) from None
    return page_dashboard(url) if url else worker_dashboard()


def write(text: str, path: Path) -> None:
    """Write a file. Raises ``OSError`` if that is not possible."""
    try:
        path.write_text(text)
    except OSError as error:
        raise OSError(
            f"--output {path} cannot be written: {error.strerror}; name a file in a folder that "
            "is there and may be written to"
        ) from None
