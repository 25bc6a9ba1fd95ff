"""The generated files in ``deploy/``, which can be used without Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dynamo_metrics.dashboards import rules
from dynamo_metrics.dashboards.worker import worker_dashboard

_HEAD = "# Made by `make dashboards` from dynamo_metrics/dashboards: recordings.py and alerts.py.\n"


def files() -> dict[str, str]:
    """Return the texts of the files by their paths below ``deploy/``."""
    groups = rules.groups()
    operator = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "dynamo", "labels": {"app.kubernetes.io/name": "dynamo"}},
        "spec": {"groups": groups},
    }
    return {
        "grafana/dashboards/worker.json": worker_dashboard(),
        "prometheus-rules.yaml": _HEAD + _yaml({"groups": groups}),
        "kubernetes/prometheusrule.yaml": (
            f"{_HEAD}# The operator's Prometheus must select PrometheusRules with these labels.\n"
            f"{_yaml(operator)}"
        ),
    }


def write(folder: Path) -> None:
    """Write the files below a folder, which is ``deploy/``."""
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and indents lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _yaml(document: Any) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1000)
