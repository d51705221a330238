"""Owns: one measurement: two processes, what is sent and checked, and the clock. Knows nothing of: what is measured."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import resource
import statistics
import sys
import time

import numpy as np

import shm_ring

FORK = multiprocessing.get_context("fork")
RECORD = np.dtype([("number", "<u8"), ("price", "<f8"), ("rest", "u1", 48)])
MIB = 1 << 20
#: Messages are compared with these, one after the other.
TEXTS = [n.to_bytes(8, "little") + bytes([n % 256]) * 56 for n in range(1024)]
TWICE = TEXTS * 2
now = time.perf_counter
PROCESSORS = (sorted(os.sched_getaffinity(0)) * 2)[:2]

#: The tables.
STREAM, RECORDS, ARRAYS, ECHO, WAKE, INTERRUPT = (
    "one way, 64 bytes, one at a time (million/s)",
    "records of 64 bytes, arrays of 1024 (million/s)",
    "arrays of 1 MiB (GB/s)",
    "round trip of 64 bytes (us)",
    "wake-up of a task in asyncio (us)",
    "Ctrl-C in a pop (ms)",
)


class Run:
    """One measurement: what both of its sides know."""

    def __init__(self, count: int, folder: str) -> None:
        self.count, self.folder = count, folder
        self.name = f"/shm-ring-bench-py-{os.getpid()}"
        self.address = f"ipc://{folder}/zmq"


def pin(processor: int) -> None:
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {PROCESSORS[processor]})


def busy(processor: int) -> float:
    """Seconds that a processor has worked, or was not there for this machine, since it started."""
    name = f"cpu{PROCESSORS[processor]} "
    with contextlib.suppress(OSError), open("/proc/stat") as lines:
        for line in lines:
            if line.startswith(name):
                user, nice, system, _idle, _waits, irq, softirq, steal = map(int, line.split()[1:9])
                ticks = user + nice + system + irq + softirq + steal
                return ticks / os.sysconf("SC_CLK_TCK")
    return 0.0


def own() -> float:
    """Seconds that this process has worked."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(make, run: Run):
    """Starts the two sides that `make` gives: the receiver's answer, or None if one of them failed; and the
    share of a processor that others had meanwhile, the larger of both."""
    send, receive = make(run)
    answers, shares = FORK.SimpleQueue(), FORK.SimpleQueue()

    def side(call, processor: int, answer) -> None:
        pin(processor)
        start, before = now(), busy(processor) - own()
        try:
            result = call()
        except BaseException as error:
            print(f"{make.__name__}: {type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
        shares.put((busy(processor) - own() - before) / max(now() - start, 0.01))
        if answer:
            answer.put(result)

    receiver = FORK.Process(target=side, args=(receive, 1, answers), daemon=True)
    sender = FORK.Process(target=side, args=(send, 0, None), daemon=True)
    receiver.start()
    sender.start()
    for process in (receiver, sender):
        process.join(60)
        if process.is_alive():
            process.kill()
            process.join()
    for extra in ("", "-a", "-b"):
        with contextlib.suppress(shm_ring.Error):
            shm_ring.unlink(run.name + extra, force=True)
    others = 0.0
    while not shares.empty():
        others = max(others, shares.get())
    if receiver.exitcode == 0 and not answers.empty():
        return answers.get(), others
    return None, others


def sent(count: int):
    """The texts that are sent, one after the other."""
    return itertools.islice(itertools.cycle(TEXTS), count)


def timed(count: int, take) -> float:
    """Takes `count` texts, of which the first starts the clock: millions a second."""
    texts = sent(count)
    assert take() == next(texts)
    start = now()
    for text in texts:
        if take() != text:
            raise ValueError("another text than was sent")
    return (count - 1) / (now() - start) / 1e6


def timed_lists(count: int, take) -> float:
    """The same of lists of texts."""
    seen = len(take())
    start, skipped = now(), seen
    while seen < count:
        texts = take()
        at = seen & 1023
        if texts != TWICE[at : at + len(texts)]:
            raise ValueError("other texts than were sent")
        seen += len(texts)
    return (seen - skipped) / (now() - start) / 1e6


def records() -> np.ndarray:
    array = np.zeros(1024, RECORD)
    array["price"] = 1.5
    return array


def summed(count: int, take) -> float:
    """Takes arrays until it has seen `count` records, whose numbers it adds up."""
    first = take()
    total, seen = int(first["number"].sum()), len(first)
    start, before = now(), seen
    while seen < count:
        array = take()
        total += int(array["number"].sum())
        seen += len(array)
    spent = now() - start
    if total != count * (count - 1) // 2:
        raise ValueError("other records than were sent")
    return (seen - before) / spent / 1e6


def arrays(count: int, take) -> float:
    """Takes arrays and looks at a byte of each page."""
    total = take()
    start = now()
    for _ in range(count - 1):
        total += take()
    spent = now() - start
    if total != count * (MIB // 4096):
        raise ValueError("other arrays than were sent")
    return (count - 1) * MIB / spent / 1e9


def touched(array: np.ndarray) -> int:
    return int(array[::4096].sum())


def pinged(count: int, ping) -> float:
    spent = []
    for text in sent(count):
        start = time.perf_counter_ns()
        answer = ping(text)
        spent.append(time.perf_counter_ns() - start)
        if answer != text:
            raise ValueError("another answer")
    return statistics.median(spent[count // 10 :]) / 1000


def paced(run: Run, push) -> None:
    time.sleep(0.2)
    due = time.perf_counter_ns()
    for _ in range(run.count):
        due = max(due + 300_000, time.perf_counter_ns())
        while time.perf_counter_ns() < due:
            pass
        push(time.perf_counter_ns().to_bytes(8, "little") + bytes(56))


async def woken(count: int, take) -> float:
    spent = []
    for _ in range(count):
        text = await take()
        spent.append(time.perf_counter_ns() - int.from_bytes(text[:8], "little"))
    return statistics.median(spent[count // 10 :]) / 1000
