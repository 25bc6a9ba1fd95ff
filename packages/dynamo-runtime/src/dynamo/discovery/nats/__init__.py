"""Discovery in a key-value bucket of JetStream. Needs nats-py.

| key in the bucket ``dynamo-discovery`` | value, JSON |
|---|---|
| ``instances.<namespace>.<component>.<endpoint>.<instance id>`` | the fields of ``Instance`` |
| ``models.<name>.<namespace>.<component>.<endpoint>.<instance id>`` | the fields of ``Model`` |
| ``runtimes.<instance id>`` | the fields of ``Target`` |

Names are written as ``dynamo._nats.token`` does, ids in hex. An entry expires after its lease,
which is that of the bucket, and is put again some times before that: it is gone soon after its
process, however that ended. Watchers listen to the puts themselves, which works across reconnects
and changes of JetStream's leader, and drop an entry that was not put again. The event loop that
answers requests renews its instances, a lease thread the runtime.
"""

from dynamo.discovery._protocol import Discovery
from dynamo.discovery.nats.discovery import NatsDiscovery
from dynamo.discovery.nats.store import BUCKET

__all__ = ["BUCKET", "NatsDiscovery", "open_discovery"]


async def open_discovery() -> Discovery:
    """Connect to ``NATS_SERVER``, or share the connection of this event loop."""
    return await NatsDiscovery.open()
