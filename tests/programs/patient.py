"""To import it is to wait for NATS, and at the end for peers, as long as that takes.

Workers give them a second or two, which may pass on a busy machine; that they do is tested in
``tests/serving/test_frozen.py``.
"""

from __future__ import annotations

from dynamo._nats import connection, subscription, transport
from dynamo._network import network
from dynamo._serving import endpoint, request
from dynamo._tcp import hub

for module in (connection, endpoint, hub, network):
    module.CLOSE_TIMEOUT = 30.0
connection.CALL_TIMEOUT = connection._JETSTREAM_TIMEOUT = 30.0
transport._CLOSE_TIMEOUT = 30.0
endpoint._UNREGISTER_TIMEOUT = 30.0
request.FINISH_TIMEOUT = 30.0
subscription.HANDLE_TIMEOUT = 30.0
