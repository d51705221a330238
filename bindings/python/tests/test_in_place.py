"""Records in place: what is lent, when it ends, and what is refused meanwhile."""

import gc

import numpy as np
import pytest

import shm_ring


def filled() -> tuple[shm_ring.Producer, shm_ring.Consumer]:
    tx, rx = shm_ring.pair("<u8", items=8)
    tx.push_records(np.arange(8, dtype="<u8"))
    return tx, rx


def test_a_view_is_the_ring_itself_and_release_gives_room_back() -> None:
    tx, rx = filled()
    view = rx.peek(5)
    assert (len(view), view.array.tolist(), bytes(view)[:1]) == (5, [0, 1, 2, 3, 4], b"\0")
    assert tx.room() == 0
    assert view.release(3) == 3
    assert tx.room() == 3
    assert rx.pop() == 3


def test_release_is_refused_while_a_view_of_it_lives() -> None:
    _tx, rx = filled()
    view = rx.peek(5)
    array = view.array
    bytes_of_it = memoryview(view)
    with pytest.raises(BufferError, match="2 arrays or memoryviews"):
        view.release()
    del array
    with pytest.raises(BufferError, match="1 arrays or memoryviews"):
        view.release()
    bytes_of_it.release()
    assert view.release() == 5
    with pytest.raises(shm_ring.Busy, match="released"):
        view.release()


def test_an_array_of_an_array_of_a_view_holds_it_too() -> None:
    _tx, rx = filled()
    view = rx.peek(8)
    part = view.array[2:4][::-1]
    with pytest.raises(BufferError):
        view.release()
    assert part.tolist() == [3, 2]
    del part
    assert view.release() == 8


def test_a_view_cannot_be_written() -> None:
    _tx, rx = filled()
    with rx.peek(2) as view:
        with pytest.raises(ValueError, match="read-only"):
            view.array[0] = 1
        with pytest.raises(TypeError):
            memoryview(view)[0] = 1


def test_a_ring_is_not_closed_under_a_view_and_a_view_does_not_outlive_it() -> None:
    _tx, rx = filled()
    view = rx.peek(2)
    array = view.array
    with pytest.raises(BufferError):
        rx.close()
    assert not rx.closed
    assert array.tolist() == [0, 1]
    del array
    rx.close()
    with pytest.raises(shm_ring.EndClosed):
        memoryview(view)
    with pytest.raises(shm_ring.EndClosed):
        view.array  # noqa: B018
    with pytest.raises(shm_ring.EndClosed):
        view.release()


def test_a_view_keeps_its_ring_alive() -> None:
    tx, rx = filled()
    array = rx.peek(8).array
    del rx, tx
    gc.collect()
    assert array.tolist() == list(range(8))


def test_a_view_that_was_released_is_refused() -> None:
    _tx, rx = filled()
    view = rx.peek(2)
    view.release()
    with pytest.raises(shm_ring.Busy, match="no longer lent"):
        memoryview(view)
    with rx.peek(2) as other:
        with pytest.raises(shm_ring.Busy):
            view.release()
        assert other.array.tolist() == [2, 3]


def test_other_calls_are_refused_while_records_are_lent() -> None:
    _tx, rx = filled()
    view = rx.peek(2)
    for call in (rx.pop, rx.try_pop, rx.pop_records, rx.peek, rx.skip_unread):
        with pytest.raises(shm_ring.Busy, match="lent"):
            call()
    assert rx.unread() == 8
    del view
    assert rx.pop() == 0


def test_a_view_that_is_dropped_or_whose_block_raises_releases_nothing() -> None:
    _tx, rx = filled()
    rx.peek(3)
    with pytest.raises(KeyError), rx.peek(3):
        raise KeyError
    assert rx.unread() == 8
    with rx.peek(3) as view:
        view.release(1)
    assert rx.unread() == 7
    with pytest.raises(shm_ring.InvalidArgument):
        rx.peek(3).release(4)
    with pytest.raises(shm_ring.InvalidArgument):
        rx.peek(0)


def test_room_is_written_in_place_and_committed() -> None:
    tx, rx = shm_ring.pair("<u8", items=8)
    with tx.reserve(4) as room:
        room.array[:] = 1, 2, 3, 4
        assert rx.unread() == 0
    assert rx.pop_records().tolist() == [1, 2, 3, 4]
    with tx.reserve(4) as room:
        room.array[:2] = 5, 6
        room.commit(2)
    assert rx.pop_records().tolist() == [5, 6]
    with pytest.raises(KeyError), tx.reserve(2):
        raise KeyError
    room = tx.reserve(2)
    with pytest.raises(shm_ring.Busy, match="lent"):
        tx.push(1)
    room.cancel()
    with pytest.raises(shm_ring.Busy):
        room.commit()
    tx.reserve(3)
    with pytest.raises(shm_ring.InvalidArgument):
        tx.reserve(3).commit(4)
    assert rx.unread() == 0


def test_commit_is_refused_while_somebody_can_still_write() -> None:
    tx, rx = shm_ring.pair("<u8", items=8)
    room = tx.reserve(4)
    array = room.array
    array[:] = 9
    with pytest.raises(BufferError):
        room.commit()
    with pytest.raises(BufferError):
        room.cancel()
    with pytest.raises(BufferError):
        tx.close()
    assert rx.unread() == 0
    del array
    room.commit()
    assert rx.pop_records().tolist() == [9, 9, 9, 9]


def test_messages_in_place() -> None:
    tx, rx = shm_ring.message_pair()
    tx.push_list([b"one", b"three", b""])
    view = rx.peek(8)
    assert [bytes(message) for message in view] == [b"one", b"three", b""]
    with pytest.raises(IndexError):
        view[3]
    second = view[-2]
    assert (second.readonly, bytes(second)) == (True, b"three")
    with pytest.raises(BufferError):
        view.release()
    with pytest.raises(BufferError):
        rx.close()
    second.release()
    assert view.release(2) == 2
    assert rx.pop() == b""
    with tx.reserve(100) as room:
        room.write(b"in place")
        room.write(np.arange(2, dtype="<u2"), at=8)
        with pytest.raises(ValueError, match="stay inside"):
            room.write(b"xyz", at=98)
        room.commit(12)
    assert rx.pop() == b"in place\0\0\1\0"
    slice_of_gone = rx.peek(1, timeout=0) if rx.unread() else None
    assert slice_of_gone is None


def test_memory_that_the_ring_wraps_around_is_one_piece() -> None:
    tx, rx = shm_ring.pair("<u4", items=1024)
    numbers = np.arange(700, dtype="<u4")
    for round_ in range(20):
        with tx.reserve(700) as room:
            room.array[:] = numbers + round_
        with rx.peek(700) as view:
            assert np.array_equal(view.array, numbers + round_)
