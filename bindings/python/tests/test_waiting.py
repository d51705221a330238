"""Waiting: the lock of CPython is free meanwhile, Ctrl-C and close end it, and time-outs are seconds.

No time that passes decides here: a program that is wrong does not end, or ends another way.
"""

import signal
import threading
import time

import pytest
from conftest import LONG, Started, in_thread, join

import shm_ring


def test_a_time_out_is_in_seconds_and_zero_does_not_wait() -> None:
    tx, rx = shm_ring.pair("<u8", items=1)
    for timeout in (0, 0.0, 0.01):
        with pytest.raises(shm_ring.TimedOut, match="empty until the deadline"):
            rx.pop(timeout=timeout)
    tx.push(1)
    for timeout in (0, 0.01):
        with pytest.raises(TimeoutError, match="full until the deadline"):
            tx.push(2, timeout=timeout)
        with pytest.raises(TimeoutError):
            tx.reserve(1, timeout=timeout)
    assert not tx.try_push(2)
    for wrong in (-1, float("nan"), -0.5):
        with pytest.raises(shm_ring.InvalidArgument, match="timeout"):
            rx.pop(timeout=wrong)
    assert rx.pop(timeout=float("inf")) == 1
    assert rx.pop_records(0, timeout=0).size == 0


def test_an_end_of_the_producer_is_found_without_waiting() -> None:
    tx, rx = shm_ring.message_pair()
    tx.close()
    assert rx.try_pop() is None
    with pytest.raises(shm_ring.Closed):
        rx.pop(timeout=0)
    with pytest.raises(shm_ring.Closed):
        rx.peek(timeout=0)
    with pytest.raises(shm_ring.Closed):
        rx.pop_list(3, timeout=0)


def test_the_lock_of_cpython_is_free_while_a_call_waits(python: Started) -> None:
    # Each side waits for the other, in one process: with the lock held neither would ever go on, and
    # nothing else there either.
    program = """
import shm_ring, threading
tx, rx = shm_ring.pair("<u8", items=1)
back, forth = shm_ring.message_pair(bytes=64)
def answer():
    for _ in range(200):
        back.push(rx.pop().tobytes())
answering = threading.Thread(target=answer); answering.start()
for number in range(200):
    tx.push(number)
    assert forth.pop() == number.to_bytes(8, "little")
answering.join()
print("passed")
"""
    assert python(program).communicate(timeout=LONG)[0] == "passed\n"


WAITS = {
    "pop": "rx.pop()",
    "pop_records": "rx.pop_records()",
    "peek": "rx.peek()",
    "iteration": "list(rx)",
    "push": "[full.push(1) for _ in range(9)]",
    "push_records": "full.push_records(range(99))",
    "reserve": "[full.reserve(1).commit() for _ in range(9)]",
    "message": "messages.pop()",
    "wait_for_peer": "absent.wait_for_peer()",
    "wait_for_end": "rx.wait_for_end()",
    "read_newer": "reader.read_newer()",
    "next": "reader.next()",
    "timeout": "rx.pop(timeout=1000)",
}


@pytest.mark.parametrize("call", WAITS.values(), ids=WAITS.keys())
def test_ctrl_c_ends_a_wait(call: str, name: str, python: Started) -> None:
    program = f"""
import shm_ring, signal, sys, time
# A test that runs in the background of a shell has inherited that it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
tx, rx = shm_ring.pair("<u8")
full, kept = shm_ring.pair("<u8", items=4)
silent, messages = shm_ring.message_pair()
absent = shm_ring.Ring("<u8").consumer()
reader = shm_ring.LatestReader("{name}", "<u8")
print("waits", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", time.monotonic())
print(tx.closed, rx.closed)
"""
    waiting = python(program)
    assert waiting.stdout
    assert waiting.stdout.readline() == "waits\n"
    # Before or in the wait: it ends either way.
    time.sleep(0.15)
    sent = time.monotonic()
    waiting.send_signal(signal.SIGINT)
    line = waiting.stdout.readline()
    assert line.startswith("interrupted ")
    print(f"after {(float(line.split()[1]) - sent) * 1000:.0f} ms")
    assert waiting.stdout.readline() == "False False\n"
    assert waiting.wait(LONG) == 0


def test_a_handler_of_a_signal_may_use_the_end_that_waits(python: Started) -> None:
    program = """
import os, shm_ring, signal, time
tx, rx = shm_ring.pair("<u8")
def handler(*_):
    print("try_pop", rx.try_pop())
    tx.push(7)
signal.signal(signal.SIGUSR1, handler)
print("waits", flush=True)
print(rx.pop())
signal.signal(signal.SIGUSR1, lambda *_: rx.close())
print("waits", flush=True)
try: rx.pop()
except shm_ring.EndClosed as closed: print(closed)
"""
    waiting = python(program)
    assert waiting.stdout
    for _ in range(2):
        line = waiting.stdout.readline()
        while line != "waits\n":
            line = waiting.stdout.readline()
        time.sleep(0.1)
        waiting.send_signal(signal.SIGUSR1)
    out, _ = waiting.communicate(timeout=LONG)
    assert "this end was closed here" in out
    assert waiting.returncode == 0


def waits(
    end: shm_ring.Consumer | shm_ring.Producer | shm_ring.MessageConsumer, asleep: str, ring: int
) -> None:
    """Sees it asleep."""
    for _ in range(int(LONG * 100)):
        if shm_ring.stat(ring)[asleep]["sleeps"] > 0:
            return
        time.sleep(0.01)
    raise AssertionError(f"{end} does not sleep")


def test_close_from_another_thread_ends_a_wait() -> None:
    ring = shm_ring.Ring("<u8", items=4)
    tx, rx = ring.producer(), ring.consumer()
    ended: list[BaseException] = []

    def wait(call: object) -> None:
        try:
            call()  # type: ignore[operator]
        except BaseException as error:
            ended.append(error)

    waiting = in_thread(lambda: wait(rx.pop))
    waits(rx, "consumer", ring.fileno())
    rx.close()
    join(waiting)
    assert isinstance(ended.pop(), shm_ring.EndClosed)
    assert rx.closed
    rx = ring.consumer()
    tx.push_records([1, 2, 3, 4])
    waiting = in_thread(lambda: wait(lambda: tx.push(5)))
    waits(tx, "producer", ring.fileno())
    tx.close()
    join(waiting)
    assert isinstance(ended.pop(), shm_ring.EndClosed)
    assert rx.pop_records().tolist() == [1, 2, 3, 4]
    rx.close()
    rx.close()
    with pytest.raises(shm_ring.EndClosed):
        rx.pop()
    with pytest.raises(shm_ring.EndClosed):
        _ = rx.position


def test_a_second_thread_is_refused_and_the_first_goes_on() -> None:
    ring = shm_ring.Ring("<u8")
    tx, rx = ring.producer(), ring.consumer()
    got: list[object] = []
    waiting = in_thread(lambda: got.append(rx.pop()))
    waits(rx, "consumer", ring.fileno())
    refused = 0
    for _ in range(1000):
        try:
            rx.try_pop()
        except shm_ring.Busy as busy:
            assert "one thread at a time" in str(busy)
            refused += 1
    assert refused > 0
    tx.push(7)
    join(waiting)
    assert got == [7]


def test_ends_of_two_threads_pass_much_without_a_loss() -> None:
    tx, rx = shm_ring.message_pair(bytes=1 << 16)
    count = 20_000
    sending = in_thread(
        lambda: ([tx.push(n.to_bytes(4, "little") * 20) for n in range(count)], tx.close())
    )
    for number, message in enumerate(rx):
        assert message == number.to_bytes(4, "little") * 20
    assert number == count - 1
    join(sending)


def test_many_threads_on_one_end_do_no_harm() -> None:
    tx, rx = shm_ring.pair("<u8", items=64)
    stop, pushed, popped = threading.Event(), [], []  # type: ignore[var-annotated]

    def push() -> None:
        while not stop.is_set():
            try:
                tx.push(1, timeout=0.001)
                pushed.append(1)
            except (shm_ring.Busy, shm_ring.TimedOut):
                pass

    def pop() -> None:
        while not stop.is_set():
            try:
                popped.extend(rx.pop_list(8, timeout=0.001))
            except (shm_ring.Busy, shm_ring.TimedOut):
                pass

    threads = [in_thread(call) for call in (push, push, pop, pop)]
    while len(popped) < 2000:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        join(thread)
    assert len(pushed) == len(popped) + rx.unread()
