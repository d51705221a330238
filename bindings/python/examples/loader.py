"""Workers that prepare samples for training, as a DataLoader has them: each has a ring of its own, and the trainer takes
batches from them in turn, without pickling and without a copy between processes.

    python examples/loader.py [SAMPLES [WORKERS]]
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator

import numpy as np

import shm_ring

SAMPLE = np.dtype([("index", "<i8"), ("label", "<i8"), ("image", "<f4", (3, 32, 32))])


def prepare(name: str, worker: int, workers: int, samples: int) -> None:
    """Reads, augments and publishes every sample of this worker, straight into the ring."""
    with shm_ring.Producer(name, SAMPLE, items=64, unlink_on_close=True) as tx:
        for index in range(worker, samples, workers):
            random = np.random.default_rng(index)
            with tx.reserve() as room:
                room.array["index"] = index
                room.array["label"] = index % 10
                room.array["image"] = random.normal(loc=index % 10, size=(3, 32, 32))


class Loader:
    """Iterates over batches of up to ``batch`` samples, from all workers in turn, until all have ended."""

    def __init__(self, samples: int, workers: int = 2, batch: int = 32) -> None:
        self.batch = batch
        context = multiprocessing.get_context("spawn")
        names = [f"/loader-{os.getpid()}-{worker}" for worker in range(workers)]
        self.rings = [
            shm_ring.Consumer(name, SAMPLE, items=64, unlink_on_close=True) for name in names
        ]
        self.workers = [
            context.Process(target=prepare, args=(name, worker, workers, samples))
            for worker, name in enumerate(names)
        ]
        for process in self.workers:
            process.start()

    def __iter__(self) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.void]]]:
        rings = list(self.rings)
        while rings:
            for ring in list(rings):
                try:
                    yield ring.pop_records(self.batch)
                except shm_ring.Closed:
                    rings.remove(ring)

    def close(self) -> None:
        """Ends the workers, also before all samples were taken."""
        for ring in self.rings:
            ring.close()
        for process in self.workers:
            process.terminate()
            process.join()


def main(samples: int = 1000, workers: int = 2) -> int:
    loader = Loader(samples, workers)
    seen = np.zeros(samples, bool)
    means = np.zeros(10)
    for batch in loader:
        seen[batch["index"]] = True
        np.add.at(means, batch["label"], batch["image"].mean(axis=(1, 2, 3)))
    loader.close()
    assert seen.all()
    print(f"{samples} samples of {workers} workers; mean of class 9: {means[9] * 10 / samples:.2f}")
    return int(seen.sum())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
