"""Roles, ends and deaths; and peers in Python, in Rust (the command) and in C, killed and started again."""

import os
import signal
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import LONG, Started

import shm_ring

Command = Callable[..., "subprocess.Popen[bytes]"]


def test_a_role_is_held_once_and_places_are_of_several_kinds(name: str, tmp_path: Path) -> None:
    with shm_ring.Producer(name, "<u8"):
        with pytest.raises(shm_ring.RoleTaken, match="has a producer already"):
            shm_ring.Producer(name, "<u8", attach_timeout=0.1)
        with pytest.raises(shm_ring.AlreadyExists):
            shm_ring.Producer.create(name, "<u8")
        with pytest.raises(shm_ring.RoleTaken):
            shm_ring.unlink(name)
    with pytest.raises(FileNotFoundError):
        shm_ring.Consumer.open(name + "-none", "<u8")
    with pytest.raises(shm_ring.InvalidArgument, match="name"):
        shm_ring.Consumer("/a/b", "<u8")
    file = tmp_path / "ring"
    with shm_ring.MessageProducer(file) as tx, shm_ring.MessageConsumer.open(file) as rx:
        tx.push(b"in a file")
        assert rx.pop() == b"in a file"
    file.write_bytes(bytes(10))
    with pytest.raises(shm_ring.Corrupt):
        shm_ring.MessageConsumer.open(file)
    with pytest.raises(OSError, match="Bad file descriptor"):
        shm_ring.MessageConsumer.open(987654)
    with pytest.raises(OSError, match="Bad file descriptor"):
        shm_ring.MessageConsumer.open(-1)


def test_a_ring_is_replaced_and_removed(name: str) -> None:
    with shm_ring.Producer(name, "<u8", items=4) as tx:
        tx.push(1)
    with pytest.raises(shm_ring.Incompatible, match="item size"):
        shm_ring.Producer(name, "<u4")
    with pytest.raises(shm_ring.Unread):
        shm_ring.unlink(name)
    with pytest.raises(shm_ring.Unread):
        shm_ring.Ring.replace_if_unused("<u4", name, items=9)
    with shm_ring.Consumer.open(name, "<u8") as rx:
        assert rx.pop() == 1
    assert shm_ring.Ring.replace_if_unused("<u4", name, items=9).limit_bytes == 36
    shm_ring.unlink(name)
    with pytest.raises(shm_ring.NotFound):
        shm_ring.unlink(name)


def test_each_side_sees_the_other(name: str) -> None:
    rx = shm_ring.MessageConsumer(name, unlink_on_close=True)
    assert rx.peer()["state"] == "absent"
    assert rx.wait_for_peer(timeout=0.01)["state"] == "absent"
    tx = shm_ring.MessageProducer(name)
    assert rx.wait_for_peer()["pid"] == os.getpid()
    assert rx.wait_for_end(timeout=0)["state"] == "alive"
    tx.close()
    assert rx.wait_for_end() == {"state": "closed", "session": 2, "pid": None, "released": True}
    assert not rx.has_lost_its_name()
    rx.close()
    with pytest.raises(shm_ring.NotFound):
        shm_ring.MessageConsumer.open(name)


def test_descriptors_are_handed_on(python: Started) -> None:
    ring = shm_ring.MessageRing()
    rx = ring.consumer()
    program = "import shm_ring, sys; shm_ring.MessageProducer.open(int(sys.argv[1])).push(b'by a descriptor')"
    fd = ring.fileno()
    os.set_inheritable(fd, True)
    pid = os.fork()
    if pid == 0:
        os.execv(os.sys.executable, [os.sys.executable, "-c", program, str(fd)])  # type: ignore[attr-defined]
    assert rx.pop(timeout=LONG) == b"by a descriptor"
    assert os.waitpid(pid, 0)[1] == 0


PRODUCER = """
import shm_ring, sys, numpy as np
tx = shm_ring.Producer(sys.argv[1], "<u8", items=256)
at = tx.position // 8
while True:
    tx.push_records(np.arange(at, at + 100, dtype="<u8")); at += 100
"""

CONSUMER = """
import shm_ring, sys
rx = shm_ring.Consumer(sys.argv[1], "<u8", items=256)
at = rx.position // 8
print("attached", flush=True)
for batch in rx.batches(64):
    assert batch[0] == at and batch[-1] == at + len(batch) - 1, (at, batch)
    at += len(batch)
"""


def test_a_producer_that_is_killed_is_reported_and_followed(name: str, python: Started) -> None:
    rx = shm_ring.Consumer(name, "<u8", items=256)
    expected = 0
    for _ in range(5):
        producer = python(PRODUCER, name)
        assert rx.wait_for_peer(timeout=LONG)["state"] == "alive"
        until = expected + 3000
        while expected < until:
            batch = rx.pop_records(100, timeout=LONG)
            assert np.array_equal(batch, np.arange(expected, expected + len(batch)))
            expected += len(batch)
        producer.kill()
        with pytest.raises(ConnectionError, match="its producer died"):
            while True:
                batch = rx.pop_records(timeout=LONG)
                assert np.array_equal(batch, np.arange(expected, expected + len(batch)))
                expected += len(batch)
        assert rx.peer()["state"] == "dead"
    assert expected > 15_000


def test_a_consumer_that_is_killed_is_reported_and_followed(name: str, python: Started) -> None:
    tx = shm_ring.Producer(name, "<u8", items=256)
    at = 0
    for _ in range(5):
        consumer = python(CONSUMER, name)
        assert consumer.stdout
        assert consumer.stdout.readline() == "attached\n"
        for _ in range(20):
            assert tx.push_records(np.arange(at, at + 100, dtype="<u8"), timeout=LONG) == 100
            at += 100
        consumer.send_signal(signal.SIGKILL)
        with pytest.raises(shm_ring.PeerDead, match="its consumer died") as dead:
            while True:
                at += tx.push_records(np.arange(at, at + 100, dtype="<u8"), timeout=LONG)
        at += dead.value.pushed


def test_the_command_sends_and_receives_messages_and_values(name: str, command: Command) -> None:
    lines = b"".join(b"line %d\n" % n for n in range(5000))
    with shm_ring.MessageConsumer.create(name, bytes=4096) as rx:
        sender = command("send", name, "--lines", stdin=subprocess.PIPE)
        assert sender.stdin
        sender.stdin.write(lines)
        sender.stdin.close()
        got = list(rx)
    assert sender.wait(LONG) == 0
    assert b"".join(line.rstrip(b"\n") + b"\n" for line in got) == lines
    shm_ring.unlink(name, force=True)
    dtype = np.dtype([("a", "<u8"), ("b", "<u8")])
    tx = shm_ring.Producer(name, dtype, items=64, schema=7)
    receiver = command("recv", name, stdout=subprocess.PIPE)
    sent = np.zeros(1000, dtype)
    sent["a"] = np.arange(1000)
    tx.push_records(sent, timeout=LONG)
    tx.close()
    out, _ = receiver.communicate(timeout=LONG)
    assert out == sent.tobytes()


def test_the_command_is_killed_and_started_again(
    name: str, command: Command, tmp_path: Path
) -> None:
    values = tmp_path / "values"
    values.write_bytes(struct.pack("<20000Q", *range(20000)))
    rx = shm_ring.Consumer.create(name, "<u8", items=64)
    for _ in range(4):
        with values.open("rb") as file:
            sender = command("send", name, stdin=file)
            assert rx.wait_for_peer(timeout=LONG)["state"] == "alive"
            got = [int(rx.pop(timeout=LONG)) for _ in range(500)]
            assert got == list(range(500))
            sender.kill()
            sender.wait()
            expected = 500
            with pytest.raises(shm_ring.PeerDead):
                while True:
                    batch = rx.pop_records(timeout=LONG)
                    assert np.array_equal(batch, np.arange(expected, expected + len(batch)))
                    expected += len(batch)
    rx.close()
    tx = shm_ring.Producer.open(name, "<u8")
    for _ in range(3):
        receiver = command("recv", name, stdout=subprocess.PIPE)
        assert receiver.stdout
        # The death of the one before is still to be reported: `wait_for_peer` would return it.
        while tx.peer()["state"] != "alive":
            time.sleep(0.001)
        at = tx.position // 8
        assert tx.push_records(np.arange(at, at + 100, dtype="<u8"), timeout=LONG) == 100
        first = receiver.stdout.read(8)
        assert len(first) == 8
        receiver.kill()
        receiver.wait()
        receiver.stdout.close()
    assert tx.wait_for_end(timeout=LONG)["state"] == "dead"
    tx.close()


SQUARES = np.dtype([("number", "<u8"), ("square", "<u8")])


def squares(first: int, end: int) -> np.ndarray:
    """What the peer in C sends and expects."""
    values = np.zeros(end - first, SQUARES)
    values["number"] = np.arange(first, end)
    values["square"] = values["number"] ** 2
    return values


def message(number: int) -> bytes:
    """The same of messages."""
    return number.to_bytes(8, "little") + bytes([number & 0xFF]) * (number * 7 % 120)


def test_a_peer_in_c_sends_and_receives_values(name: str, c_peer: Path) -> None:
    with shm_ring.Consumer.create(name, SQUARES, items=100, schema=7, label="ticks") as rx:
        sender = subprocess.Popen([c_peer, "send-values", name, "20000"])
        got = np.concatenate([batch.copy() for batch in rx.batches(64)])
        assert sender.wait(LONG) == 0
        assert np.array_equal(got, squares(0, 20_000))
    with shm_ring.Producer.open(name, SQUARES, schema=7, label="ticks") as tx:
        receiver = subprocess.Popen([c_peer, "receive-values", name], stdout=subprocess.PIPE)
        tx.push_records(squares(20_000, 30_000), timeout=LONG)
    assert receiver.communicate(timeout=LONG)[0] == b"30000 values\n"


def test_a_peer_in_c_sends_and_receives_messages(name: str, c_peer: Path) -> None:
    with shm_ring.MessageConsumer.create(name, bytes=8192, label="texts") as rx:
        sender = subprocess.Popen([c_peer, "send-messages", name, "5000"])
        assert list(rx) == [message(number) for number in range(5000)]
        assert sender.wait(LONG) == 0
    with shm_ring.MessageProducer.open(name, label="texts") as tx:
        receiver = subprocess.Popen([c_peer, "receive-messages", name], stdout=subprocess.PIPE)
        tx.push_list([message(number) for number in range(5000)], timeout=LONG)
    assert receiver.communicate(timeout=LONG)[0] == b"5000 messages\n"


def test_a_peer_in_c_is_killed_and_started_again(name: str, c_peer: Path) -> None:
    rx = shm_ring.Consumer.create(name, SQUARES, items=100, schema=7, label="ticks")
    expected = 0
    for _ in range(4):
        sender = subprocess.Popen([c_peer, "send-values", name, str(10**12)])
        assert rx.wait_for_peer(timeout=LONG)["state"] == "alive"
        until = expected + 2000
        while expected < until:
            batch = rx.pop_records(64, timeout=LONG)
            assert np.array_equal(batch, squares(expected, expected + len(batch)))
            expected += len(batch)
        sender.kill()
        sender.wait()
        with pytest.raises(shm_ring.PeerDead):
            while True:
                batch = rx.pop_records(64, timeout=LONG)
                assert np.array_equal(batch, squares(expected, expected + len(batch)))
                expected += len(batch)


def test_the_ends_of_all_streams_are_told_apart(name: str) -> None:
    # Both were there before the consumer came, and stand behind each other in the ring.
    for first in (1, 3):
        with shm_ring.Producer(name, "<u8", items=8) as tx:
            tx.push_records([first, first + 1])
    with shm_ring.Consumer(name, "<u8", items=8, ends="of_stream") as rx:
        assert [int(value) for value in rx] == [1, 2]
        assert rx.pop_records().tolist() == [3, 4]
        for call in (rx.pop, rx.pop_records, rx.peek):
            with pytest.raises(shm_ring.Closed):
                call(timeout=LONG)
