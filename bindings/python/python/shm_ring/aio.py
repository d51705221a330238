"""Ends of rings in asyncio: what waits is awaited, and the loop goes on meanwhile.

An end that finds nothing tells the other side that it sleeps, and a thread of the process (one for all of its ends) makes a
descriptor readable that the loop watches. A call that is cancelled has taken nothing, and the other side need not ring.

Owns: waiting in an event loop. Knows nothing of: how an end sleeps.

>>> import asyncio, numpy as np, shm_ring
>>> async def main():
...     tx, rx = shm_ring.pair(np.int64, items=4)
...     async def produce():
...         async with AsyncProducer(tx) as numbers:
...             await numbers.push_records(np.arange(10))
...     producing = asyncio.create_task(produce())
...     total = 0
...     async for number in rx:
...         total += int(number)
...     await producing
...     return total
>>> asyncio.run(main())
45
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from ._errors import Busy, Closed
from ._native import Bell, Consumer, MessageConsumer, MessageProducer, Producer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._native import (
        MessageView,
        Reservation,
        View,
    )

__all__ = ["AsyncConsumer", "AsyncMessageConsumer", "AsyncMessageProducer", "AsyncProducer"]

#: How many answers in a row an end gives before other tasks have their turn.
_BUDGET = 128


class _Awaited(Protocol):
    def close(self) -> None: ...
    def _poll(self, bell: Bell, amount: int = 1) -> bool: ...
    def _rise(self) -> None: ...


End = TypeVar("End", bound=_Awaited)


class _Waits(Generic[End]):
    """What all ends have: one task at a time waits for one."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._bell = Bell()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._budget = _BUDGET

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the end. A task that waits for it gets ``EndClosed``."""
        self._leave()
        self._end.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _ring(self) -> None:
        self._bell.hush()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _enter(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            self._leave()
            loop.add_reader(self._bell.fileno(), self._ring)
            self._loop = loop

    def _leave(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._bell.fileno())
        self._loop = None

    async def _turn(self) -> None:
        """Lets other tasks have their turn, now and then."""
        self._budget -= 1
        if not self._budget:
            self._budget = _BUDGET
            await asyncio.sleep(0)

    async def _wait(self, amount: int = 1) -> None:
        """Waits until there is something, or room for so much."""
        if self._waiter is not None:
            raise Busy("another task waits for this end: one task at a time uses it")
        loop = asyncio.get_running_loop()
        self._enter(loop)
        self._budget = _BUDGET
        while not self._end._poll(self._bell, amount):
            self._waiter = loop.create_future()
            try:
                await self._waiter
            except asyncio.CancelledError:
                self._end._rise()
                raise
            finally:
                self._waiter = None

    def __del__(self) -> None:
        self._leave()


class AsyncConsumer(_Waits[Consumer]):
    """A :class:`shm_ring.Consumer` whose calls are awaited. ``async for`` over the consumer itself makes one."""

    async def pop(self) -> Any:
        """Takes the oldest value: see :meth:`shm_ring.Consumer.pop`."""
        while (value := self._end.try_pop()) is None:
            await self._wait()
        await self._turn()
        return value

    async def pop_records(self, max: int | None = None) -> NDArray[Any]:
        """Takes as many values as are there: see :meth:`shm_ring.Consumer.pop_records`."""
        if not self._end.unread():
            await self._wait()
        await self._turn()
        return self._end.pop_records(max, timeout=0)

    async def peek(self, max: int = 1) -> View:
        """Lends values, to be read in place: see :meth:`shm_ring.Consumer.peek`."""
        if not self._end.unread():
            await self._wait()
        return self._end.peek(max, timeout=0)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.pop()
        except Closed:
            self._leave()
            raise StopAsyncIteration from None


class AsyncMessageConsumer(_Waits[MessageConsumer]):
    """A :class:`shm_ring.MessageConsumer` whose calls are awaited. ``async for`` over the consumer itself makes one."""

    async def pop(self) -> bytes:
        """Takes the oldest message: see :meth:`shm_ring.MessageConsumer.pop`."""
        while (message := self._end.try_pop()) is None:
            await self._wait()
        await self._turn()
        return message

    async def pop_list(self, max: int) -> list[bytes]:
        """Takes as many messages as are there: see :meth:`shm_ring.MessageConsumer.pop_list`."""
        if not self._end.unread():
            await self._wait()
        await self._turn()
        return self._end.pop_list(max, timeout=0)

    async def peek(self, max: int = 1) -> MessageView:
        """Lends messages, to be read in place: see :meth:`shm_ring.MessageConsumer.peek`."""
        if not self._end.unread():
            await self._wait()
        return self._end.peek(max, timeout=0)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.pop()
        except Closed:
            self._leave()
            raise StopAsyncIteration from None


class AsyncProducer(_Waits[Producer]):
    """A :class:`shm_ring.Producer` whose calls are awaited."""

    async def push(self, value: Any) -> None:
        """Publishes a value: see :meth:`shm_ring.Producer.push`. A call that is cancelled has published nothing."""
        while not self._end.try_push(value):
            await self._wait()
        await self._turn()

    async def push_records(self, values: Any) -> int:
        """Publishes all values of an array: see :meth:`shm_ring.Producer.push_records`. A call that is cancelled may have
        published some: ``position`` tells."""
        size = 1
        if isinstance(values, bytes | bytearray | memoryview):
            dtype = self._end.dtype
            values, size = (
                memoryview(values).cast("B"),
                getattr(dtype, "itemsize", None) or dtype.size,
            )
            if values.nbytes % size:
                # Refused as a whole, as there.
                return self._end.push_records(values, timeout=0)
        pushed, at = 0, 0
        while at < len(values):
            room = self._end.room()
            if not room:
                await self._wait()
                continue
            pushed += self._end.push_records(values[at : at + room * size], timeout=0)
            at = pushed * size
            await self._turn()
        return pushed

    async def reserve(self, count: int = 1) -> Reservation:
        """Lends room, to be written in place: see :meth:`shm_ring.Producer.reserve`."""
        if self._end.room() < count:
            await self._wait(count)
        return self._end.reserve(count, timeout=0)


class AsyncMessageProducer(_Waits[MessageProducer]):
    """A :class:`shm_ring.MessageProducer` whose calls are awaited."""

    async def push(self, message: bytes | bytearray | memoryview) -> None:
        """Publishes a message: see :meth:`shm_ring.MessageProducer.push`. A call that is cancelled has published nothing."""
        while not self._end.try_push(message):
            await self._wait(memoryview(message).nbytes)
        await self._turn()

    async def reserve(self, size: int) -> Reservation:
        """Lends room, to be written in place: see :meth:`shm_ring.MessageProducer.reserve`."""
        await self._wait(size)
        return self._end.reserve(size, timeout=0)
