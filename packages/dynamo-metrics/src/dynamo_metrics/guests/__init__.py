"""Metrics on the exposition of another program: one module or folder for each host.

``nvidia``: the status server of NVIDIA's Dynamo 1.x, with ``attach()`` and ``install()``.
``prometheus``: any registry of ``prometheus_client``, with ``as_collector()``.
"""
