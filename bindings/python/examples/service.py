"""A service in asyncio: requests come by one ring and answers go by another, while other tasks of the loop go on.

python examples/service.py [REQUESTS]
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sys
from collections.abc import Iterable

import shm_ring
from shm_ring.aio import AsyncMessageConsumer, AsyncMessageProducer


def client(requests: str, answers: str, numbers: Iterable[int]) -> None:
    """Another process, which waits as threads do."""
    with (
        shm_ring.MessageProducer(requests, unlink_on_close=True) as tx,
        shm_ring.MessageConsumer(answers, unlink_on_close=True) as rx,
    ):
        for number in numbers:
            tx.push(json.dumps({"number": number}).encode())
            answer = json.loads(rx.pop(timeout=20))
            assert answer == {"number": number, "square": number * number}, answer


async def serve(requests: str, answers: str) -> int:
    """Answers until the client has closed."""
    served = 0
    rx = shm_ring.MessageConsumer(requests, unlink_on_close=True)
    async with (
        AsyncMessageConsumer(rx) as messages,
        AsyncMessageProducer(shm_ring.MessageProducer(answers, unlink_on_close=True)) as tx,
    ):
        async for message in messages:
            number = json.loads(message)["number"]
            await tx.push(json.dumps({"number": number, "square": number * number}).encode())
            served += 1
    return served


async def main(count: int = 1000) -> tuple[int, int]:
    requests, answers = f"/requests-{os.getpid()}", f"/answers-{os.getpid()}"
    serving = asyncio.create_task(serve(requests, answers))
    process = multiprocessing.get_context("spawn").Process(
        target=client, args=(requests, answers, range(count))
    )
    process.start()
    beats = 0
    while not serving.done():
        beats += 1
        await asyncio.sleep(0.005)
    served = await serving
    process.join()
    print(f"{served} requests served, and the loop did {beats} other things meanwhile")
    return served, beats


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
