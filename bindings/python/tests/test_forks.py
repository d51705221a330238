"""Forks: a child is refused its parent's ends, and does no harm to them; multiprocessing, by fork and by spawn."""

import multiprocessing
import os
import signal
import sys

import numpy as np
import pytest
from conftest import LONG

import shm_ring


def in_child(call) -> str:  # type: ignore[no-untyped-def]
    """Runs it in a child by fork, which ends without running anything else: what it returned, as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # It ends by itself, whatever it comes to.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(LONG))
        try:
            answer = str(call())
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return answer


CALLS = {
    "push": lambda tx, rx: tx.push(1),
    "push_records": lambda tx, rx: tx.push_records([1, 2]),
    "reserve": lambda tx, rx: tx.reserve(1),
    "pop": lambda tx, rx: rx.pop(),
    "try_pop": lambda tx, rx: rx.try_pop(),
    "pop_records": lambda tx, rx: rx.pop_records(),
    "peek": lambda tx, rx: rx.peek(),
    "peer": lambda tx, rx: rx.peer(),
    "iteration": lambda tx, rx: list(rx),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_child_is_refused_and_the_parent_goes_on(call) -> None:  # type: ignore[no-untyped-def]
    tx, rx = shm_ring.pair("<u8", items=8)
    tx.push_records([1, 2, 3])
    answer = in_child(lambda: call(tx, rx))
    assert answer.startswith(
        "Forked: this end belongs to the process that this one was forked from"
    )
    assert rx.pop_records().tolist() == [1, 2, 3]
    tx.push(4)
    assert rx.pop() == 4


def test_a_child_that_closes_or_drops_its_copy_closes_nothing() -> None:
    ends = list(shm_ring.pair("<u8"))
    tx, rx = ends

    def leave() -> str:
        tx.close()
        rx.close()
        ends.clear()
        return "left"

    assert in_child(leave) == "left"
    assert rx.peer()["state"] == "alive"
    tx.push(1)
    assert rx.pop() == 1


def test_a_view_that_a_child_inherits_shows_nothing_and_does_not_crash() -> None:
    tx, rx = shm_ring.pair("<u8", items=8)
    tx.push_records([1, 2, 3])
    view = rx.peek(3)
    array = view.array
    assert in_child(lambda: array.tolist()) == "[0, 0, 0]"  # noqa: F821
    assert in_child(view.release).startswith("Forked")
    assert in_child(lambda: memoryview(view)).startswith("Forked")
    room = tx.reserve(2)
    mine = room.array
    assert in_child(lambda: mine.__setitem__(0, 9)) == "None"  # noqa: F821
    mine[:] = 4, 5
    del array, mine
    room.commit()
    view.release()
    assert rx.pop_records().tolist() == [4, 5]


def test_a_child_of_a_process_whose_thread_waits_is_refused_too() -> None:
    # The lock of the handle is held by a thread that the child does not have.
    ring = shm_ring.Ring("<u8")
    tx, rx = ring.producer(), ring.consumer()
    from conftest import in_thread, join

    waiting = in_thread(rx.pop)
    while not shm_ring.stat(ring.fileno())["consumer"]["sleeps"]:
        pass
    assert in_child(rx.try_pop).startswith("Forked")
    assert in_child(rx.close) == "None"
    tx.push(1)
    join(waiting)


def produce(name: str, count: int) -> None:
    """The other process: it attaches by the name."""
    with shm_ring.Producer(name, "<u8", items=64) as tx:
        tx.push_records(np.arange(count, dtype="<u8"))


def use(tx: shm_ring.Producer, answers: object) -> None:
    """A child by fork, which was given an end of its parent."""
    try:
        tx.push(1)
    except shm_ring.Forked as refused:
        answers.put(str(refused))  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_of_multiprocessing_attaches_by_the_name(method: str, name: str) -> None:
    context = multiprocessing.get_context(method)
    with shm_ring.Consumer(name, "<u8", items=64) as rx:
        process = context.Process(target=produce, args=(name, 1000))
        process.start()
        got = np.concatenate([batch.copy() for batch in rx.batches(64)])
        process.join(LONG)
        assert process.exitcode == 0
        assert np.array_equal(got, np.arange(1000))


def test_multiprocessing_cannot_hand_an_end_on(name: str) -> None:
    tx, rx = shm_ring.pair("<u8")
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    process = context.Process(target=use, args=(tx, answers))
    process.start()
    assert "attach after forking" in answers.get()
    process.join(LONG)
    tx.push(5)
    assert rx.pop() == 5
    # By spawn it would have to be pickled.
    with pytest.raises(TypeError, match="pickle"):
        multiprocessing.get_context("spawn").Process(target=use, args=(tx, None)).start()
    sys.stderr.flush()
