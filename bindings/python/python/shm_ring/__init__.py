"""Rings in shared memory between two processes: numpy records, messages, byte streams, the latest value, asyncio.

A ring has one producer and one consumer, each in a process of its own, which may be written in Python, Rust, C or Go.

>>> import numpy as np, shm_ring
>>> Tick = np.dtype([("price", "<f8"), ("size", "<u4"), ("unused", "<u4")])
>>> tx = shm_ring.Producer("/shm-ring-doc-ticks", Tick, items=4096)    # one process
>>> rx = shm_ring.Consumer("/shm-ring-doc-ticks", Tick, items=4096)    # another; either may start first
>>> tx.push_records(np.ones(1000, Tick))
1000
>>> rx.pop_records()["price"].sum().item()
1000.0
>>> tx.close(); rx.close(); shm_ring.unlink("/shm-ring-doc-ticks")
"""

from . import aio
from ._errors import (
    AlreadyExists,
    Busy,
    Closed,
    Corrupt,
    Empty,
    EndClosed,
    Error,
    Forked,
    Incompatible,
    InvalidArgument,
    Lagged,
    NotAllowed,
    NotFound,
    Overrun,
    PeerDead,
    RoleTaken,
    SystemFailure,
    TimedOut,
    Unread,
)
from ._layout import Layout, alignment, schema_id, schema_text
from ._native import (
    Consumer,
    LatestReader,
    LatestWriter,
    MessageConsumer,
    MessageProducer,
    MessageRing,
    MessageView,
    Producer,
    Reservation,
    Ring,
    View,
    list,
    message_pair,
    pair,
    stat,
    unlink,
)
from ._options import Options
from .stream import StreamReader, StreamWriter

__all__ = [
    "AlreadyExists",
    "Busy",
    "Closed",
    "Consumer",
    "Corrupt",
    "Empty",
    "EndClosed",
    "Error",
    "Forked",
    "Incompatible",
    "InvalidArgument",
    "Lagged",
    "LatestReader",
    "LatestWriter",
    "Layout",
    "MessageConsumer",
    "MessageProducer",
    "MessageRing",
    "MessageView",
    "NotAllowed",
    "NotFound",
    "Options",
    "Overrun",
    "PeerDead",
    "Producer",
    "Reservation",
    "Ring",
    "RoleTaken",
    "StreamReader",
    "StreamWriter",
    "SystemFailure",
    "TimedOut",
    "Unread",
    "View",
    "aio",
    "alignment",
    "list",
    "message_pair",
    "pair",
    "schema_id",
    "schema_text",
    "stat",
    "unlink",
]
