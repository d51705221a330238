"""Owns: the rows of shm_ring. Knows nothing of: how a row is run."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import numpy as np

import shm_ring
from shm_ring.aio import AsyncMessageConsumer

from .harness import (
    ARRAYS,
    ECHO,
    FORK,
    INTERRUPT,
    MIB,
    RECORD,
    RECORDS,
    STREAM,
    TEXTS,
    WAKE,
    Run,
    arrays,
    now,
    paced,
    pinged,
    records,
    sent,
    summed,
    timed,
    timed_lists,
    touched,
    woken,
)

ARRAY = np.dtype(("u1", (MIB,)))


def ring_push_pop(run: Run):
    def send():
        with shm_ring.MessageProducer(run.name, bytes=MIB) as tx:
            push = tx.push
            for text in sent(run.count):
                push(text)

    def receive():
        with shm_ring.MessageConsumer(run.name, bytes=MIB) as rx:
            return timed(run.count, rx.pop)

    return send, receive


def ring_lists(run: Run):
    def send():
        with shm_ring.MessageProducer(run.name, bytes=MIB) as tx:
            for first in range(0, run.count, 256):
                tx.push_list(TEXTS[first & 1023 : (first & 1023) + 256])

    def receive():
        with shm_ring.MessageConsumer(run.name, bytes=MIB) as rx:
            return timed_lists(run.count, lambda: rx.pop_list(256))

    return send, receive


def ring_records(run: Run):
    def send():
        with shm_ring.Producer(run.name, RECORD, items=16384) as tx:
            array = records()
            for first in range(0, run.count, 1024):
                array["number"] = np.arange(first, first + 1024)
                tx.push_records(array)

    def receive():
        with shm_ring.Consumer(run.name, RECORD, items=16384) as rx:
            out = np.empty(4096, RECORD)
            return summed(run.count, lambda: rx.pop_records(out=out))

    return send, receive


def ring_records_in_place(run: Run):
    def send():
        with shm_ring.Producer(run.name, RECORD, items=16384) as tx:
            for first in range(0, run.count, 1024):
                with tx.reserve(1024) as room:
                    room.array["number"] = np.arange(first, first + 1024)

    def receive():
        with shm_ring.Consumer(run.name, RECORD, items=16384) as rx:
            taken = [None]

            def take():
                if taken[0] is not None:
                    taken[0].release()
                taken[0] = rx.peek(4096)
                return taken[0].array

            total, seen, start = 0, 0, 0.0
            while seen < run.count:
                array = take()
                total += int(array["number"].sum())
                before, seen = seen, seen + len(array)
                if not before:
                    start, skipped = now(), seen
                del array
            if total != run.count * (run.count - 1) // 2:
                raise ValueError("other records than were sent")
            return (seen - skipped) / (now() - start) / 1e6

    return send, receive


def ring_arrays(run: Run):
    def send():
        with shm_ring.Producer(run.name, ARRAY, items=8) as tx:
            # Few and large: a producer that waits is woken by the first free place, as by a semaphore.
            tx.set_threshold(1)
            array = np.ones(MIB, "u1")
            for _ in range(run.count):
                tx.push(array)

    def receive():
        with shm_ring.Consumer(run.name, ARRAY, items=8) as rx:
            out = np.empty((1, MIB), "u1")

            def take():
                rx.pop_records(out=out)
                return touched(out[0])

            return arrays(run.count, take)

    return send, receive


def ring_arrays_in_place(run: Run):
    def send():
        with shm_ring.Producer(run.name, ARRAY, items=8) as tx:
            # Few and large: a producer that waits is woken by the first free place, as by a semaphore.
            tx.set_threshold(1)
            for _ in range(run.count):
                with tx.reserve() as room:
                    room.array[0] = 1

    def receive():
        with shm_ring.Consumer(run.name, ARRAY, items=8) as rx:

            def take():
                with rx.peek() as view:
                    return touched(view.array[0])

            return arrays(run.count, take)

    return send, receive


def ring_echo(run: Run):
    def send():
        with (
            shm_ring.MessageConsumer(run.name + "-a") as rx,
            shm_ring.MessageProducer(run.name + "-b") as tx,
        ):
            for _ in range(run.count):
                tx.push(rx.pop())

    def receive():
        with (
            shm_ring.MessageProducer(run.name + "-a") as tx,
            shm_ring.MessageConsumer(run.name + "-b") as rx,
        ):

            def ping(text):
                tx.push(text)
                return rx.pop()

            return pinged(run.count, ping)

    return send, receive


def ring_wake(run: Run):
    def send():
        with shm_ring.MessageProducer(run.name) as tx:
            paced(run, tx.push)

    async def main():
        async with AsyncMessageConsumer(shm_ring.MessageConsumer(run.name)) as rx:
            return await woken(run.count, rx.pop)

    return send, lambda: asyncio.run(main())


def ring_interrupt(run: Run):
    pids = FORK.SimpleQueue()

    def send():
        victim = pids.get()
        time.sleep(0.2)
        (Path(run.folder) / "sent").write_text(repr(time.monotonic()))
        os.kill(victim, signal.SIGINT)

    def receive():
        _tx, rx = shm_ring.pair("<u8")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        pids.put(os.getpid())
        try:
            rx.pop()
        except KeyboardInterrupt:
            return (time.monotonic() - float((Path(run.folder) / "sent").read_text())) * 1000
        raise ValueError("not interrupted")

    return send, receive


ROWS = [
    (STREAM, "shm_ring push, pop", 200_000, ring_push_pop),
    (STREAM, "shm_ring push_list, pop_list of 256", 1_024_000, ring_lists),
    (RECORDS, "shm_ring push_records, pop_records", 10_240_000, ring_records),
    (RECORDS, "shm_ring reserve, peek (in place)", 10_240_000, ring_records_in_place),
    (ARRAYS, "shm_ring push, pop_records(out=)", 2000, ring_arrays),
    (ARRAYS, "shm_ring reserve, peek (in place)", 2000, ring_arrays_in_place),
    (ECHO, "shm_ring push, pop", 20_000, ring_echo),
    (WAKE, "shm_ring.aio", 1000, ring_wake),
    (INTERRUPT, "shm_ring pop", 1, ring_interrupt),
]
