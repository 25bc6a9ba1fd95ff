"""A simulated engine for machines without a GPU: ``python -m dynamo.mocker --model <name>``.

``_scheduler`` simulates, with the cache of ``_blocks`` and the times of ``_cost``, and knows
neither clock nor event loop. ``_engine`` runs it in real time, ``_handler`` and ``_worker`` serve
it, ``_figures`` moves the metrics of ``_families``, ``_load`` sends it requests.
"""
