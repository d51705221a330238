"""A feed of records into pandas data frames and Arrow record batches, a batch at a time.

python examples/tables.py [TICKS]
"""

from __future__ import annotations

import multiprocessing
import os
import sys

import numpy as np
import pandas as pd
import pyarrow as pa

import shm_ring

TICK = np.dtype([("time", "<i8"), ("price", "<f8"), ("symbol", "<u4"), ("size", "<u4")])


def feed(name: str, count: int) -> None:
    """Publishes ticks in batches, as they come from somewhere."""
    random = np.random.default_rng(7)
    with shm_ring.Producer(
        name, TICK, items=65536, schema=shm_ring.schema_id(TICK), unlink_on_close=True
    ) as tx:
        for first in range(0, count, 1000):
            ticks = np.zeros(min(1000, count - first), TICK)
            ticks["time"] = np.arange(first, first + len(ticks))
            ticks["price"] = 100 + random.normal(size=len(ticks)).cumsum() / 100
            ticks["symbol"] = random.integers(0, 4, len(ticks))
            ticks["size"] = random.integers(1, 100, len(ticks))
            tx.push_records(ticks)


def record_batch(ticks: np.ndarray[tuple[int, ...], np.dtype[np.void]]) -> pa.RecordBatch:
    """Columns of what came as rows."""
    return pa.RecordBatch.from_arrays(
        [pa.array(ticks[name]) for name in TICK.names or ()], names=list(TICK.names or ())
    )


def main(count: int = 100_000) -> pd.DataFrame:
    name = f"/tables-{os.getpid()}"
    batches = []
    with shm_ring.Consumer(
        name, TICK, items=65536, schema=shm_ring.schema_id(TICK), unlink_on_close=True
    ) as rx:
        process = multiprocessing.get_context("spawn").Process(target=feed, args=(name, count))
        process.start()
        for ticks in rx.batches(8192):
            batches.append(record_batch(ticks))
        process.join()
    table = pa.Table.from_batches(batches)
    frame: pd.DataFrame = table.to_pandas()
    volumes = frame.groupby("symbol")["size"].sum()
    print(
        f"{table.num_rows} ticks in {len(batches)} record batches; volume by symbol: {volumes.to_dict()}"
    )
    return frame


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
