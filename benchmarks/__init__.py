"""Measures this package against a bare C method and against its peers.

``make bench`` runs all topics, or those named in ``ONLY``, and writes ``docs/benchmarks.md``.
One file is one topic, all of one shape: ``TITLE``, ``NOTES``, ``TARGETS`` and ``measure()``.
"""
