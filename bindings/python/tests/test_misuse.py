"""Whatever arguments are given, a call returns or raises an ordinary exception: no panic, no crash, no hang."""

import itertools
import pickle
import random
import subprocess
import sys

import numpy as np
import pytest
from conftest import LONG

import shm_ring
from shm_ring import _native

WILD = [
    None,
    0,
    1,
    -1,
    2**31,
    2**63,
    2**64,
    2**200,
    0.0,
    -0.0,
    1e-9,
    float("nan"),
    float("inf"),
    b"",
    b"bytes",
    bytearray(8),
    "",
    "text",
    "\0",
    "\ud800",
    (),
    [],
    [1, 2, 3],
    {},
    object(),
    np.zeros(0, "<u8"),
    np.zeros(4, "<u8"),
    np.zeros((2, 2), "<u8"),
    np.zeros(4, "<u8")[::2],
    np.array(7),
    np.array(None),
    memoryview(b"12345678"),
    range(3),
    int,
    True,
    Ellipsis,
]


def ends() -> list[object]:
    tx, rx = shm_ring.pair("<u8", items=8)
    texts, lines = shm_ring.message_pair(bytes=4096)
    tx.push_records([1, 2, 3])
    texts.push_list([b"one", b"two"])
    return [
        tx,
        rx,
        texts,
        lines,
        shm_ring.Ring("<u8"),
        shm_ring.MessageRing(),
        shm_ring.pair("<u8")[0].reserve(3),
        peeked(),
        peeked_messages(),
    ]


def peeked() -> shm_ring.View:
    tx, rx = shm_ring.pair("<u8")
    tx.push_records([1, 2, 3])
    return rx.peek(3)


def peeked_messages() -> shm_ring.MessageView:
    tx, rx = shm_ring.message_pair()
    tx.push_list([b"one", b"two"])
    return rx.peek(2)


#: What would end the end, and what makes rings under names.
NOT_TRIED = {"close", "create", "replace_if_unused"}
#: What would wait for ever without a time-out, or for a peer that does not come.
WAITS = {
    "pop",
    "pop_into",
    "pop_list",
    "pop_records",
    "peek",
    "push",
    "push_list",
    "push_records",
    "reserve",
}
WAITS |= {"wait_for_peer", "wait_for_end", "_read", "_write"}


def test_wild_arguments() -> None:
    random.seed(7)
    answers = 0
    for end in ends():
        names = [
            call for call in dir(type(end)) if not call.startswith("__") and call not in NOT_TRIED
        ]
        for call in names:
            method = getattr(end, call, None)
            if not callable(method):
                continue
            for arguments in [
                (),
                *((wild,) for wild in WILD),
                *random.sample(list(itertools.product(WILD, WILD)), 60),
            ]:
                how = {"timeout": 0} if call in WAITS else {}
                try:
                    method(*arguments, **how)
                except Exception:
                    answers += 1
    assert answers > 1000


def test_wild_constructions() -> None:
    for kind in (
        shm_ring.Producer,
        shm_ring.Consumer,
        shm_ring.Ring,
        shm_ring.LatestWriter,
        shm_ring.LatestReader,
    ):
        for first, second in itertools.product(WILD, WILD):
            # What would be a descriptor or a name of somebody's is none of ours to try.
            if any(
                isinstance(place, str) and len(place) > 1 or type(place) is int
                for place in (first, second)
            ):
                continue
            try:
                kind(first, second)
                assert kind is shm_ring.Ring
            except Exception:
                pass
    for option in shm_ring.Options.__annotations__:
        for wild in WILD:
            if option in ("sparse", "lock_memory") or isinstance(wild, int) and wild >= 2**31:
                continue
            try:
                shm_ring.pair("<u8", **{option: wild})  # type: ignore[misc]
            except Exception:
                pass
    with pytest.raises(TypeError, match="no option"):
        shm_ring.pair("<u8", item=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="a place is a name"):
        shm_ring.Producer(3.5, "<u8")  # type: ignore[arg-type]


def test_ends_are_neither_copied_nor_pickled() -> None:
    for end in ends():
        with pytest.raises(TypeError):
            pickle.dumps(end)
    for name in ("View", "Reservation", "MessageView", "Batches", "MessageSlice"):
        with pytest.raises(TypeError):
            getattr(_native, name)()


def test_much_is_said_to_be_too_much() -> None:
    with pytest.raises(shm_ring.Error):
        shm_ring.pair("<u8", items=2**62)
    with pytest.raises(shm_ring.InvalidArgument, match="more than a ring's"):
        shm_ring.pair("<u8", bytes=2**46)
    with pytest.raises(shm_ring.SystemFailure):
        shm_ring.pair("<u8", bytes=2**43)
    tx, rx = shm_ring.pair("<u8", items=4)
    for count in (5, 2**40, 2**64 - 1):
        with pytest.raises(shm_ring.InvalidArgument):
            tx.reserve(count)
    tx.push(1)
    assert len(rx.pop_records(2**64 - 1)) == 1
    with pytest.raises(OverflowError):
        rx.pop_records(2**64)


def test_an_interpreter_that_ends_with_everything_open_ends_well() -> None:
    program = """
import asyncio, shm_ring, threading
kept = [shm_ring.pair("<u8"), shm_ring.message_pair(), shm_ring.Ring("<u8")]
kept[0][0].push_records([1, 2, 3])
view = kept[0][1].peek(2); array = view.array
room = kept[1][0].reserve(8)
waiting = threading.Thread(target=shm_ring.message_pair()[1].pop, daemon=True); waiting.start()
kept.append(kept)
async def main():
    global task
    task = asyncio.create_task(shm_ring.aio.AsyncMessageConsumer(shm_ring.message_pair()[1]).pop())
    await asyncio.sleep(0.05)
loop = asyncio.new_event_loop(); loop.run_until_complete(main())
class Slow:
    # Has threads that wait wake up while the interpreter ends.
    def __del__(self, sleep=__import__("time").sleep): sleep(0.3)
threading.kept = Slow()
print("ends")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=LONG
    )
    assert (ended.returncode, ended.stdout) == (0, "ends\n"), ended.stderr
