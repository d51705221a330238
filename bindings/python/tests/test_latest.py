"""Latest values: the newest, each in order, and what was lost."""

import time

import numpy as np
import pytest
from conftest import LONG, in_thread, join

import shm_ring

POSE = np.dtype([("x", "<f8"), ("y", "<f8")])


def test_a_reader_has_the_newest_value(name: str) -> None:
    with shm_ring.LatestWriter(name, POSE) as writer, shm_ring.LatestReader(name, POSE) as reader:
        with pytest.raises(shm_ring.Empty):
            reader.read()
        assert not reader.has_newer()
        writer.write((1.0, 2.0))
        writer.write(np.array((3.0, 4.0), POSE))
        assert (writer.version, writer.dtype, reader.dtype) == (2, POSE, POSE)
        assert reader.has_newer()
        assert reader.read().tolist() == (3.0, 4.0)
        assert (reader.version, reader.has_newer()) == (2, False)
        out = np.zeros(1, POSE)
        reader.read_into(out)
        assert out[0]["y"] == 4.0
        with pytest.raises(shm_ring.InvalidArgument):
            reader.read_into(np.zeros(2, POSE))
        with pytest.raises(shm_ring.InvalidArgument, match="the ring carries"):
            writer.write(np.zeros(2, "<f8"))
        with pytest.raises(shm_ring.RoleTaken):
            shm_ring.LatestWriter(name, POSE)
    with pytest.raises(shm_ring.EndClosed):
        reader.read()


def test_a_reader_waits_for_newer_values_and_for_the_end(name: str) -> None:
    writer, reader = shm_ring.LatestWriter(name, "<u8"), shm_ring.LatestReader(name, "<u8")
    with pytest.raises(shm_ring.TimedOut):
        reader.read_newer(timeout=0)
    with pytest.raises(shm_ring.TimedOut):
        reader.next(timeout=0.01)
    got: list[int] = []
    reading = in_thread(lambda: got.append(int(reader.read_newer(timeout=LONG))))
    time.sleep(0.02)
    writer.write(7)
    writer.notify()
    join(reading)
    assert got == [7]
    assert reader.writer()["state"] == "alive"
    writer.close()
    for call in (reader.read_newer, reader.next):
        with pytest.raises(shm_ring.Closed, match="the writer has closed"):
            call()
    assert reader.read() == 7


def test_each_value_comes_in_order_or_is_said_to_be_lost(name: str) -> None:
    writer = shm_ring.LatestWriter(name, "<u8", history=8)
    reader = shm_ring.LatestReader(name, "<u8", history=8)
    for number in range(5):
        writer.write(number)
    assert [int(reader.next()) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert reader.try_next() is None
    for number in range(100):
        writer.write(number)
    with pytest.raises(shm_ring.Lagged) as lagged:
        reader.next()
    assert lagged.value.lost > 0
    assert int(reader.next()) == lagged.value.lost
    reader.start_at_oldest()
    assert 80 <= int(reader.next()) < 95


def test_a_reader_that_waits_is_closed_by_another_thread(name: str) -> None:
    reader = shm_ring.LatestReader(name, "<u8")
    ended: list[str] = []

    def wait() -> None:
        try:
            reader.next()
        except shm_ring.EndClosed:
            ended.append("closed")

    waiting = in_thread(wait)
    time.sleep(0.05)
    reader.close()
    join(waiting)
    assert ended == ["closed"]
