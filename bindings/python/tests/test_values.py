"""Values of a dtype: one at a time, many, as scalars, arrays and bytes; and what is refused."""

import numpy as np
import pytest
from conftest import LONG, Started, in_thread, join

import shm_ring

TICK = np.dtype([("price", "<f8"), ("size", "<u4"), ("unused", "<u4")])


def test_a_value_arrives_as_a_scalar_of_the_dtype(name: str) -> None:
    with shm_ring.Producer(name, TICK, items=8) as tx, shm_ring.Consumer(name, TICK, items=8) as rx:
        tx.push((99.5, 3, 0))
        tx.push(np.array((1.5, 4, 0), TICK))
        tx.push(np.array([(2.5, 5, 0)], TICK)[0].tobytes())
        got = [rx.pop() for _ in range(3)]
        assert [(value["price"], value["size"]) for value in got] == [(99.5, 3), (1.5, 4), (2.5, 5)]
        assert got[0].dtype == TICK
        assert rx.try_pop() is None


def test_plain_numbers_and_subarrays_are_values_too() -> None:
    tx, rx = shm_ring.pair("<i4")
    tx.push(-7)
    tx.push(np.int32(8))
    assert [rx.pop(), rx.pop()] == [-7, 8]
    frame = np.dtype(("<u2", (4, 3)))
    tx, rx = shm_ring.pair(frame, items=4)
    picture = np.arange(12, dtype="<u2").reshape(4, 3)
    tx.push(picture)
    assert tx.push_records(np.stack([picture + 1, picture + 2])) == 2
    assert np.array_equal(rx.pop(), picture)
    assert np.array_equal(rx.pop_records(), np.stack([picture + 1, picture + 2]))
    with pytest.raises(shm_ring.InvalidArgument, match="shape"):
        tx.push(picture.reshape(3, 4))


def test_arrays_go_through_a_ring_that_is_smaller_than_they_are() -> None:
    tx, rx = shm_ring.pair(TICK, items=100)
    sent = np.zeros(10_000, TICK)
    sent["size"] = np.arange(10_000)
    sending = in_thread(lambda: (tx.push_records(sent), tx.close()))
    got = np.concatenate([batch.copy() for batch in rx.batches(64)])
    join(sending)
    assert np.array_equal(got, sent)


def test_out_is_filled_and_its_first_part_returned() -> None:
    tx, rx = shm_ring.pair("<u8")
    out = np.zeros(8, "<u8")
    tx.push_records(np.arange(5, dtype="<u8"))
    first = rx.pop_records(3, out=out)
    assert first.tolist() == [0, 1, 2]
    assert np.shares_memory(first, out)
    assert rx.pop_records(out=out).tolist() == [3, 4]
    tx.push(9)
    room = bytearray(16)
    assert bytes(rx.pop_records(out=room)) == (9).to_bytes(8, "little")
    assert rx.pop_records(0).tolist() == []


def test_lists_batches_and_iteration_end_where_the_producer_closed() -> None:
    tx, rx = shm_ring.pair("<u2")
    assert tx.push_records([1, 2, 3, 4, 5]) == 5
    tx.close()
    assert rx.pop_list(2) == [1, 2]
    assert next(rx) == 3
    assert [batch.tolist() for batch in rx.batches(8)] == [[4, 5]]
    assert [int(value) for value in rx] == []
    with pytest.raises(shm_ring.Closed, match="empty and its producer has closed"):
        rx.pop()


def test_another_dtype_of_the_same_size_is_refused() -> None:
    tx, rx = shm_ring.pair("<f8")
    tx.push(1.0)
    for wrong in (np.int64(7), np.zeros(3, "<i8"), np.zeros(3, ">f8"), np.zeros(2, "<f4")):
        with pytest.raises(shm_ring.InvalidArgument, match="dtype .* the ring carries float64"):
            tx.push_records(np.atleast_1d(wrong))
        with pytest.raises(shm_ring.InvalidArgument, match="the ring carries float64"):
            tx.push(wrong)
        with pytest.raises(shm_ring.InvalidArgument, match="the ring carries float64"):
            rx.pop_records(out=np.zeros(3, wrong.dtype))
    # A memoryview that is not of bytes says what it is of.
    with pytest.raises(TypeError, match="elements of 8 bytes"):
        tx.push(memoryview(np.zeros(1, "<i8")))
    assert rx.pop() == 1.0
    assert rx.unread() == 0


def test_an_end_of_another_dtype_schema_or_kind_is_refused_with_both_values(name: str) -> None:
    with shm_ring.Producer(name, TICK, schema=shm_ring.schema_id(TICK)):
        with pytest.raises(shm_ring.Incompatible, match="item size 16 and we want 8"):
            shm_ring.Consumer.open(name, "<f8")
        with pytest.raises(shm_ring.Incompatible, match="item alignment 8 and we want 1"):
            shm_ring.Consumer.open(name, "S16")
        with pytest.raises(shm_ring.Incompatible, match="schema id"):
            shm_ring.Consumer.open(name, TICK)
        with pytest.raises(shm_ring.Incompatible, match="schema id"):
            shm_ring.Consumer.open(name, TICK, schema=1)
        with pytest.raises(shm_ring.Incompatible, match="record kind"):
            shm_ring.MessageConsumer.open(name)
        shm_ring.Consumer.open(name, TICK, schema=shm_ring.schema_id(TICK)).close()


def test_a_length_that_is_no_whole_value_is_refused() -> None:
    tx, rx = shm_ring.pair("<u4")
    for wrong in (b"", b"123", bytes(8)):
        with pytest.raises(shm_ring.InvalidArgument, match="values of 4 bytes"):
            tx.push(wrong)
    with pytest.raises(shm_ring.InvalidArgument, match="values of 4 bytes"):
        tx.push_records(b"12345")
    with pytest.raises(shm_ring.InvalidArgument):
        rx.pop_records(out=bytearray(0))
    assert tx.push_records(b"") == 0
    assert rx.unread() == 0


def test_what_was_pushed_of_a_batch_is_said() -> None:
    tx, rx = shm_ring.pair("<u8", items=10)
    with pytest.raises(shm_ring.TimedOut) as refused:
        tx.push_records(np.arange(25, dtype="<u8"), timeout=0)
    assert refused.value.pushed == 10
    rx.close()
    with pytest.raises(shm_ring.Closed) as refused_again:
        tx.push_records([1, 2])
    assert refused_again.value.pushed == 0
    with pytest.raises(shm_ring.InvalidArgument, match="never fit"):
        tx.reserve(11)


def test_arrays_that_are_not_contiguous_or_not_writable_are_refused() -> None:
    tx, rx = shm_ring.pair("<u8")
    with pytest.raises((ValueError, BufferError)):
        tx.push_records(np.arange(10, dtype="<u8")[::2])
    tx.push(1)
    frozen = np.zeros(3, "<u8")
    frozen.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        rx.pop_records(out=frozen)
    assert rx.pop() == 1


def test_without_a_dtype_an_end_takes_what_the_ring_carries_as_bytes(name: str) -> None:
    with shm_ring.Producer(name, "<u4", schema=7) as tx, shm_ring.Consumer.open(name) as rx:
        assert rx.dtype == shm_ring.Layout(4, 4)
        tx.push_records([1, 2, 3, 4])
        assert rx.pop() == b"\x01\0\0\0"
        assert rx.pop_list(1) == [b"\x02\0\0\0"]
        assert bytes(rx.pop_records()) == b"\x03\0\0\0\x04\0\0\0"


def test_numpy_is_not_needed(python: Started) -> None:
    program = """
import sys
sys.modules["numpy"] = None
import shm_ring
tx, rx = shm_ring.pair(shm_ring.Layout(4, 4))
tx.push(b"abcd"); tx.push_records(b"efghijkl")
with rx.peek(1) as view: print(bytes(view.array))
print(rx.pop(), rx.pop_list(5))
try: shm_ring.pair("<u4")
except ImportError: print("refused")
"""
    out, _ = python(program).communicate(timeout=LONG)
    assert out.split("\n") == ["b'abcd'", "b'efgh' [b'ijkl']", "refused", ""]


def test_thresholds_counts_and_positions() -> None:
    tx, rx = shm_ring.pair("<u8", items=16)
    assert (tx.capacity, rx.capacity, tx.room()) == (16, 16, 16)
    rx.set_threshold(3, within=LONG)
    tx.set_threshold(1)
    tx.push_records([1, 2, 3])
    assert rx.pop_records().tolist() == [1, 2, 3]
    tx.count_dropped(5)
    assert tx.stats()["dropped"] == 5
    assert (tx.position, rx.position, tx.session, rx.session) == (24, 24, 1, 1)
    tx.push_records([4, 5])
    assert rx.skip_unread() == 2
    assert rx.unread() == 0
