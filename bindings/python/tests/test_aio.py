"""Ends in asyncio: records wake tasks, tasks that are cancelled leave nothing armed, and nothing looks again and again."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from conftest import LONG, Started

import shm_ring
from shm_ring.aio import AsyncConsumer, AsyncMessageConsumer, AsyncMessageProducer, AsyncProducer


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Runs it; a wake-up that is lost ends the test."""

    async def within() -> Any:
        async with asyncio.timeout(LONG):
            return await main()

    return asyncio.run(within())


def is_armed(ring: shm_ring.Ring | shm_ring.MessageRing, side: str) -> bool:
    """Whether the other side would ring for it."""
    return bool(shm_ring.stat(ring.fileno())[side]["asleep"])


async def until_armed(ring: shm_ring.Ring | shm_ring.MessageRing, side: str) -> None:
    while not is_armed(ring, side):
        await asyncio.sleep(0.001)


def test_async_for_over_values_messages_and_another_process(name: str, python: Started) -> None:
    program = """
import shm_ring, sys, time
with shm_ring.MessageProducer(sys.argv[1]) as tx:
    for n in range(300):
        tx.push(b"%d" % n)
        if n % 50 == 0: time.sleep(0.02)
"""

    async def main() -> list[bytes]:
        rx = shm_ring.MessageConsumer(name)
        python(program, name)
        return [message async for message in rx]

    assert run(main) == [b"%d" % n for n in range(300)]

    async def values() -> list[int]:
        tx, rx = shm_ring.pair("<u8", items=2)

        async def produce() -> None:
            async with AsyncProducer(tx) as numbers:
                for number in range(100):
                    await numbers.push(number)

        task = asyncio.create_task(produce())
        got = [int(value) async for value in rx]
        await task
        return got

    assert run(values) == list(range(100))


def test_batches_lists_views_and_room_are_awaited() -> None:
    async def main() -> None:
        ring = shm_ring.Ring("<u8", items=4)
        tx, rx = AsyncProducer(ring.producer()), AsyncConsumer(ring.consumer())
        reading = asyncio.create_task(rx.pop_records())
        await until_armed(ring, "consumer")
        await tx.push_records(np.arange(3, dtype="<u8"))
        assert (await reading).tolist() == [0, 1, 2]
        sending = asyncio.create_task(tx.push_records(np.arange(50, dtype="<u8")))
        total = []
        while len(total) < 50:
            with await rx.peek(3) as view:
                total += view.array.tolist()
        assert await sending == 50
        with pytest.raises(shm_ring.InvalidArgument):
            await tx.push_records(b"1234567")
        assert await tx.push_records(bytes(24)) == 3
        assert (await rx.pop_records()).tolist() == [0, 0, 0]
        assert total == list(range(50))
        with await tx.reserve(4) as room:
            room.array[:] = 7
        waiting = asyncio.create_task(tx.reserve(2))
        await until_armed(ring, "producer")
        assert not waiting.done()
        assert (await rx.pop_records(2)).tolist() == [7, 7]
        (await waiting).cancel()
        messages = shm_ring.MessageRing(bytes=64)
        mtx, mrx = (
            AsyncMessageProducer(messages.producer()),
            AsyncMessageConsumer(messages.consumer()),
        )
        await mtx.push(bytes(40))
        more = asyncio.create_task(mtx.push(bytes(40)))
        await until_armed(messages, "producer")
        assert await mrx.pop_list(5) == [bytes(40)]
        await more
        with await mrx.peek(1) as first:
            assert len(first[0]) == 40
        with await mtx.reserve(8) as place:
            place.write(b"12345678")
        assert await mrx.pop() == b"12345678"

    run(main)


@pytest.mark.parametrize("side", ["consumer", "producer"])
def test_a_call_that_is_cancelled_takes_nothing_and_disarms(side: str) -> None:
    async def main() -> None:
        ring = shm_ring.Ring("<u8", items=1)
        tx, rx = ring.producer(), ring.consumer()
        end: Any = AsyncConsumer(rx) if side == "consumer" else AsyncProducer(tx)
        if side == "producer":
            tx.push(1)
        for _ in range(20):
            waiting = asyncio.create_task(end.pop() if side == "consumer" else end.push(2))
            await until_armed(ring, side)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert not is_armed(ring, side), "the other side would ring for nobody"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await (end.pop() if side == "consumer" else end.push(2))
        assert not is_armed(ring, side)
        rung = shm_ring.stat(ring.fileno())["producer"]["wakes_sent"]
        if side == "consumer":
            tx.push(5)
            assert shm_ring.stat(ring.fileno())["producer"]["wakes_sent"] == rung
            assert await end.pop() == 5
        else:
            assert rx.pop() == 1
            await end.push(3)
            assert rx.pop() == 3

    run(main)


def test_a_wait_sleeps_and_the_loop_goes_on() -> None:
    async def main() -> None:
        ring = shm_ring.Ring("<u8")
        tx, rx = ring.producer(), AsyncConsumer(ring.consumer())
        polls = 0

        class Counted:
            def __getattr__(self, call: str) -> Any:
                nonlocal polls
                polls += call == "_poll"
                return getattr(end, call)

        end = rx._end
        rx._end = Counted()  # type: ignore[assignment]
        waiting = asyncio.create_task(rx.pop())
        for _ in range(100):
            await asyncio.sleep(0.005)
        # The sleep is renewed after a tenth of a second, and then each second.
        assert polls < 20
        tx.push(1)
        assert await waiting == 1

    run(main)


def test_ends_of_the_producer_reach_tasks_that_wait(name: str, python: Started) -> None:
    program = """
import shm_ring, sys
tx = shm_ring.Producer(sys.argv[1], "<u8")
tx.push(7)
print("pushed", flush=True); sys.stdin.read()
"""

    async def main() -> None:
        producer = python(program, name)
        rx = AsyncConsumer(shm_ring.Consumer(name, "<u8"))
        assert await rx.pop() == 7
        waiting = asyncio.create_task(rx.pop())
        await asyncio.sleep(0.05)
        producer.send_signal(signal.SIGKILL)
        with pytest.raises(shm_ring.PeerDead):
            await waiting
        rx.close()

    run(main)


def test_close_reaches_a_task_that_waits_and_a_second_task_is_refused() -> None:
    async def main() -> None:
        ring = shm_ring.MessageRing()
        rx = AsyncMessageConsumer(ring.consumer())
        waiting = asyncio.create_task(rx.pop())
        await until_armed(ring, "consumer")
        with pytest.raises(shm_ring.Busy, match="another task"):
            await rx.pop()
        rx.close()
        with pytest.raises(shm_ring.EndClosed):
            await waiting
        # And where the end itself is closed, not what waits for it.
        end = ring.consumer()
        waiting = asyncio.create_task(AsyncMessageConsumer(end).pop())
        await until_armed(ring, "consumer")
        end.close()
        with pytest.raises(shm_ring.EndClosed):
            await waiting

    run(main)


def test_an_end_moves_from_one_loop_to_the_next() -> None:
    tx, rx = shm_ring.message_pair()
    waits = AsyncMessageConsumer(rx)
    for number in range(3):

        async def main(number: int = number) -> bytes:
            waiting = asyncio.create_task(waits.pop())
            await asyncio.sleep(0.01)
            tx.push(b"%d" % number)
            return await waiting

        assert run(main) == b"%d" % number


def test_a_busy_ring_lets_other_tasks_have_their_turn() -> None:
    async def main() -> None:
        tx, rx = shm_ring.message_pair(bytes=1 << 16)
        tx.push_list([b"x"] * 2000)
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        waits = AsyncMessageConsumer(rx)
        for _ in range(2000):
            await waits.pop()
        task.cancel()
        assert turns >= 10

    run(main)


def test_many_ends_wait_in_one_loop() -> None:
    async def main() -> None:
        pairs = [shm_ring.message_pair() for _ in range(100)]
        tasks = [asyncio.create_task(AsyncMessageConsumer(rx).pop()) for _, rx in pairs]
        await asyncio.sleep(0.05)
        threads = [name for name in os.listdir("/proc/self/task")]
        for number, (tx, _) in enumerate(pairs):
            tx.push(b"%d" % number)
        assert await asyncio.gather(*tasks) == [b"%d" % number for number in range(100)]
        assert len(threads) < 20

    run(main)
