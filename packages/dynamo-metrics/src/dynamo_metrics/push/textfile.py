"""A file for the textfile collector of the node exporter.

https://github.com/prometheus/node_exporter#textfile-collector
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from dynamo_metrics import _arguments
from dynamo_metrics.push.gateway import Node


def write_to_textfile(path: str | os.PathLike[str], node: Node) -> None:
    """Write the metrics of ``node`` and below to a file, which the node exporter reads.

    The file, whose name should end in ``.prom``, is replaced at once: a reader sees the old or the
    new one, never a part. It can be read by everybody, as far as the umask allows. Callbacks run
    before, as for a scrape.

    Raises ``TypeError`` for what is no node, ``OSError`` if the file cannot be written; the old one
    is there still.
    """
    target = Path(path)
    _arguments.check_node(node, "write_to_textfile()")
    text = node.metrics.prometheus_expfmt().encode()
    # The node exporter reads no file whose name begins with a dot.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
