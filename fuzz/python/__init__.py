"""Fuzz targets for what arrives from other processes, and the program that runs them.

``make fuzz`` runs ``python -m fuzz.python TARGET --seconds N``; the tests run the targets on the
inputs in ``fuzz/seeds/``.
"""
