"""Messages of any length, and byte streams over them."""

import io

import pytest
from conftest import in_thread, join

import shm_ring


def test_messages_of_any_buffer_arrive_as_bytes(name: str) -> None:
    with shm_ring.MessageProducer(name) as tx, shm_ring.MessageConsumer(name) as rx:
        sent: list[bytes] = [b"", b"one", bytes(5000), bytes(range(256))]
        for message in sent:
            tx.push(message)
        tx.push(bytearray(b"array"))
        tx.push(memoryview(b"a view")[2:])
        assert [rx.pop() for _ in range(6)] == [*sent, b"array", b"view"]
        assert rx.try_pop() is None
        with pytest.raises(TypeError):
            tx.push("a text")  # type: ignore[arg-type]
        with pytest.raises(shm_ring.InvalidArgument, match="never fit"):
            tx.push(bytes(tx.max_len + 1))


def test_lists_of_messages_go_through_a_small_ring() -> None:
    tx, rx = shm_ring.message_pair(bytes=4096)
    sent = [bytes([n % 256]) * (n % 300) for n in range(2000)]
    sending = in_thread(lambda: (tx.push_list(sent), tx.close()))
    got = []
    while True:
        try:
            got += rx.pop_list(7)
        except shm_ring.Closed:
            break
    join(sending)
    assert got == sent


def test_a_message_that_is_too_long_for_its_place_stays() -> None:
    tx, rx = shm_ring.message_pair()
    tx.push(b"a longer one")
    room = bytearray(4)
    with pytest.raises(shm_ring.InvalidArgument, match="12 bytes and the buffer 4"):
        rx.pop_into(room)
    room = bytearray(20)
    assert rx.pop_into(room) == 12
    assert room[:12] == b"a longer one"
    tx.push(b"1")
    tx.push(b"2")
    assert rx.skip_unread() == 32
    with pytest.raises(shm_ring.TimedOut) as refused:
        tx.push_list([bytes(40000)] * 3, timeout=0)
    assert refused.value.pushed == 1


def test_a_stream_is_a_file(name: str) -> None:
    text = "".join(f"line {n}\n" for n in range(20_000))

    def write() -> None:
        with io.TextIOWrapper(io.BufferedWriter(shm_ring.StreamWriter(name))) as file:
            file.write(text)

    writing = in_thread(write)
    with io.TextIOWrapper(io.BufferedReader(shm_ring.StreamReader(name))) as file:
        assert file.read() == text
    join(writing)


def test_a_stream_has_timeouts_and_is_refused_when_it_is_closed(name: str) -> None:
    reader = shm_ring.StreamReader(name, timeout=0)
    assert reader.read(4) is None
    reader.timeout = 0.01
    with pytest.raises(TimeoutError):
        reader.read(4)
    writer = shm_ring.StreamWriter(name)
    assert writer.write(b"") == 0
    assert writer.write(b"abcdef") == 6
    assert reader.read(2) == b"ab"
    assert reader.read(100) == b"cdef"
    writer.producer.push(b"")
    writer.close()
    assert reader.read(100) == b""
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"x")
    reader.close()
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.read(1)


def test_a_stream_that_ended_before_its_reader_came_is_read_to_its_end(name: str) -> None:
    with shm_ring.StreamWriter(name) as writer:
        writer.write(b"yesterday")
    with shm_ring.StreamReader(name) as reader:
        assert reader.readall() == b"yesterday"
        with shm_ring.StreamWriter(name) as writer:
            writer.write(b"today")
        assert reader.readall() == b"today"
