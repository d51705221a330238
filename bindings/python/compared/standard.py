"""Owns: the rows of the standard library. Knows nothing of: how a row is run."""

from __future__ import annotations

import asyncio
import socket
from multiprocessing import shared_memory

import numpy as np

from .harness import (
    ARRAYS,
    ECHO,
    FORK,
    MIB,
    RECORD,
    RECORDS,
    STREAM,
    WAKE,
    Run,
    arrays,
    paced,
    pinged,
    records,
    sent,
    summed,
    timed,
    touched,
    woken,
)


def mp_queue(run: Run):
    queue = FORK.Queue()

    def send():
        for text in sent(run.count):
            queue.put(text)
        queue.close()
        queue.join_thread()

    return send, lambda: timed(run.count, queue.get)


def mp_pipe(run: Run):
    reading, writing = FORK.Pipe(False)

    def send():
        for text in sent(run.count):
            writing.send_bytes(text)

    return send, lambda: timed(run.count, reading.recv_bytes)


def pipe_records(run: Run):
    reading, writing = FORK.Pipe(False)

    def send():
        array = records()
        for first in range(0, run.count, 1024):
            array["number"] = np.arange(first, first + 1024)
            writing.send_bytes(array.view("u1"))

    def receive():
        out = np.empty(1024, RECORD)

        def take():
            reading.recv_bytes_into(out.view("u1"))
            return out

        return summed(run.count, take)

    return send, receive


def queue_records(run: Run):
    queue = FORK.Queue(16)

    def send():
        array = records()
        for first in range(0, run.count, 1024):
            array["number"] = np.arange(first, first + 1024)
            queue.put(array.copy())
        queue.close()
        queue.join_thread()

    return send, lambda: summed(run.count, queue.get)


def semaphores(run: Run, copy: bool = True):
    memory = shared_memory.SharedMemory(create=True, size=8 * MIB)
    free, full = FORK.Semaphore(8), FORK.Semaphore(0)

    def send():
        array, slots = np.ones(MIB, "u1"), np.ndarray((8, MIB), "u1", memory.buf)
        for n in range(run.count):
            free.acquire()
            slots[n % 8] = array if copy else 1
            full.release()

    def receive():
        slots, out, n = (
            np.ndarray((8, MIB), "u1", memory.buf),
            np.empty(MIB, "u1"),
            iter(range(run.count)),
        )

        def take():
            full.acquire()
            slot = slots[next(n) % 8]
            if copy:
                out[:] = slot
                slot = out
            seen = touched(slot)
            free.release()
            return seen

        answer = arrays(run.count, take)
        memory.unlink()
        return answer

    return send, receive


def semaphores_in_place(run: Run):
    return semaphores(run, copy=False)


def pipe_arrays(run: Run):
    reading, writing = FORK.Pipe(False)

    def send():
        array = np.ones(MIB, "u1")
        for _ in range(run.count):
            writing.send_bytes(array)

    def receive():
        out = np.empty(MIB, "u1")

        def take():
            reading.recv_bytes_into(out)
            return touched(out)

        return arrays(run.count, take)

    return send, receive


def queue_arrays(run: Run):
    queue = FORK.Queue(8)

    def send():
        array = np.ones(MIB, "u1")
        for _ in range(run.count):
            queue.put(array)
        queue.close()
        queue.join_thread()

    return send, lambda: arrays(run.count, lambda: touched(queue.get()))


def pipe_echo(run: Run):
    here, there = FORK.Pipe(True)

    def send():
        for _ in range(run.count):
            there.send_bytes(there.recv_bytes())

    def ping(text):
        here.send_bytes(text)
        return here.recv_bytes()

    return send, lambda: pinged(run.count, ping)


def queue_echo(run: Run):
    forth, back = FORK.Queue(), FORK.Queue()

    def send():
        for _ in range(run.count):
            back.put(forth.get())
        back.close()
        back.join_thread()

    def ping(text):
        forth.put(text)
        return back.get()

    return send, lambda: pinged(run.count, ping)


def stream_wake(run: Run):
    here, there = socket.socketpair()

    async def main():
        reader, writer = await asyncio.open_connection(sock=here)
        answer = await woken(run.count, lambda: reader.readexactly(64))
        writer.close()
        return answer

    return lambda: paced(run, there.send), lambda: asyncio.run(main())


def executor_wake(run: Run):
    reading, writing = FORK.Pipe(False)

    async def main():
        loop = asyncio.get_running_loop()
        return await woken(run.count, lambda: loop.run_in_executor(None, reading.recv_bytes))

    return lambda: paced(run, writing.send_bytes), lambda: asyncio.run(main())


ROWS = [
    (STREAM, "multiprocessing.Queue", 20_000, mp_queue),
    (STREAM, "multiprocessing.Pipe", 40_000, mp_pipe),
    (RECORDS, "multiprocessing.Pipe, bytes of an array", 1_024_000, pipe_records),
    (RECORDS, "multiprocessing.Queue, arrays", 1_024_000, queue_records),
    (ARRAYS, "shared_memory, 2 semaphores, copied", 2000, semaphores),
    (ARRAYS, "shared_memory, 2 semaphores, in place", 2000, semaphores_in_place),
    (ARRAYS, "multiprocessing.Pipe, recv_bytes_into", 300, pipe_arrays),
    (ARRAYS, "multiprocessing.Queue", 300, queue_arrays),
    (ECHO, "multiprocessing.Pipe", 4000, pipe_echo),
    (ECHO, "multiprocessing.Queue", 2000, queue_echo),
    (WAKE, "StreamReader of a socket pair", 1000, stream_wake),
    (WAKE, "run_in_executor(Pipe.recv_bytes)", 1000, executor_wake),
]
