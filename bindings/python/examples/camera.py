"""A camera process and a consumer that looks at its frames with numpy, in place: frames of 1 MiB are copied by nobody.

python examples/camera.py [FRAMES]
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import Any

import numpy as np

import shm_ring

#: One frame, with a head: what it is and when it was taken.
FRAME = np.dtype([("number", "<u8"), ("taken", "<f8"), ("pixels", "u1", (1024, 1024))])


def expose(number: int, pixels: np.ndarray[Any, Any]) -> None:
    """What a driver does: it writes the picture where it is told to."""
    pixels[:] = number % 251
    pixels[0, 0] = 255


def camera(name: str, count: int) -> None:
    """Takes pictures straight into the ring, and drops those for which there is no room: a camera does not wait."""
    with shm_ring.Producer(name, FRAME, items=8, unlink_on_close=True) as tx:
        tx.wait_for_peer()
        for number in range(count):
            try:
                room = tx.reserve(timeout=1)
            except shm_ring.TimedOut:
                tx.count_dropped(1)
                continue
            with room:
                frame = room.array[0]
                frame["number"] = number
                frame["taken"] = number / 30
                expose(number, frame["pixels"])
                # Nobody may hold the room when it is published.
                del frame


def main(count: int = 100) -> int:
    name = f"/camera-{os.getpid()}"
    with shm_ring.Consumer(name, FRAME, items=8, unlink_on_close=True) as rx:
        process = multiprocessing.get_context("spawn").Process(target=camera, args=(name, count))
        process.start()
        seen, brightest = 0, 0
        while True:
            try:
                view = rx.peek(4)
            except shm_ring.Closed:
                break
            with view:
                frames = view.array
                seen += len(frames)
                brightest = max(brightest, int(frames["pixels"].max()))
                assert (frames["pixels"][:, 1, 1] == frames["number"] % 251).all()
                del frames
        process.join()
        print(f"{seen} frames of {FRAME.itemsize} bytes, brightest pixel {brightest}")
        return seen


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
