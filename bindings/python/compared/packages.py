"""Owns: the rows of other packages: pyzmq, iceoryx2, faster-fifo, cloudtoid-interprocess. Knows nothing of: how a row is run."""

from __future__ import annotations

import importlib
import time

import numpy as np

from .harness import (
    ARRAYS,
    ECHO,
    MIB,
    RECORD,
    RECORDS,
    STREAM,
    TEXTS,
    arrays,
    pinged,
    records,
    sent,
    summed,
    timed,
    timed_lists,
    touched,
)


def zmq_rows() -> list[tuple]:
    import zmq

    def socket(kind: int, run, bind: bool, limit: int = 1000):
        made = zmq.Context().socket(kind)
        made.set_hwm(limit)
        (made.bind if bind else made.connect)(run.address)
        return made

    def stream(run):
        def send():
            push = socket(zmq.PUSH, run, False)
            for text in sent(run.count):
                push.send(text)
            push.close()
            push.context.term()

        def receive():
            pull = socket(zmq.PULL, run, True)
            return timed(run.count, pull.recv)

        return send, receive

    def many(run):
        def send():
            push = socket(zmq.PUSH, run, False, 16)
            array = records()
            for first in range(0, run.count, 1024):
                array["number"] = np.arange(first, first + 1024)
                push.send(array, copy=True)
            push.close()
            push.context.term()

        def receive():
            pull = socket(zmq.PULL, run, True, 16)
            return summed(run.count, lambda: np.frombuffer(pull.recv(copy=False), RECORD))

        return send, receive

    def large(run):
        def send():
            push = socket(zmq.PUSH, run, False, 8)
            array = np.ones(MIB, "u1")
            for _ in range(run.count):
                push.send(array, copy=False)
            push.close()
            push.context.term()

        def receive():
            pull = socket(zmq.PULL, run, True, 8)
            return arrays(run.count, lambda: touched(np.frombuffer(pull.recv(copy=False), "u1")))

        return send, receive

    def echo(run):
        def send():
            pair = socket(zmq.PAIR, run, False)
            for _ in range(run.count):
                pair.send(pair.recv())
            pair.close()
            pair.context.term()

        def receive():
            pair = socket(zmq.PAIR, run, True)

            def ping(text):
                pair.send(text)
                return pair.recv()

            return pinged(run.count, ping)

        return send, receive

    return [
        (STREAM, "pyzmq PUSH, PULL, ipc", 100_000, stream),
        (RECORDS, "pyzmq, bytes of an array", 1_024_000, many),
        (ARRAYS, "pyzmq, copy=False", 300, large),
        (ECHO, "pyzmq PAIR, ipc", 4000, echo),
    ]


def fifo_rows() -> list[tuple]:
    from faster_fifo import Queue

    def same(data):
        return bytes(data)

    def stream(run):
        queue = Queue(MIB, loads=same, dumps=same)

        def send():
            for text in sent(run.count):
                queue.put(text, timeout=30)

        return send, lambda: timed(run.count, lambda: queue.get(timeout=30))

    def many(run):
        queue = Queue(MIB, loads=same, dumps=same)

        def send():
            for first in range(0, run.count, 256):
                queue.put_many(TEXTS[first & 1023 : (first & 1023) + 256], timeout=30)

        def take():
            return queue.get_many(timeout=30, max_messages_to_get=256)

        return send, lambda: timed_lists(run.count, take)

    def echo(run):
        forth, back = Queue(MIB, loads=same, dumps=same), Queue(MIB, loads=same, dumps=same)

        def send():
            for _ in range(run.count):
                back.put(forth.get(timeout=30))

        def ping(text):
            forth.put(text)
            return back.get(timeout=30)

        return send, lambda: pinged(run.count, ping)

    return [
        (STREAM, "faster-fifo put, get (bytes)", 40_000, stream),
        (STREAM, "faster-fifo put_many, get_many of 256", 102_400, many),
        (ECHO, "faster-fifo (bytes)", 2000, echo),
    ]


def cloudtoid_rows() -> list[tuple]:
    from cloudtoid_interprocess import Publisher, Subscriber

    def pushing(publisher):
        send = publisher.try_send

        def push(text):
            while not send(text):
                time.sleep(0)

        return push

    def stream(run):
        def send():
            push = pushing(Publisher(run.name[1:], MIB, run.folder))
            for text in sent(run.count):
                push(text)

        def receive():
            subscriber = Subscriber(run.name[1:], MIB, run.folder)
            return timed(run.count, subscriber.receive)

        return send, receive

    def echo(run):
        def send():
            take, push = (
                Subscriber("forth", MIB, run.folder).receive,
                pushing(Publisher("back", MIB, run.folder)),
            )
            for _ in range(run.count):
                push(take())

        def receive():
            push, take = (
                pushing(Publisher("forth", MIB, run.folder)),
                Subscriber("back", MIB, run.folder).receive,
            )

            def ping(text):
                push(text)
                return take()

            return pinged(run.count, ping)

        return send, receive

    return [
        (STREAM, "cloudtoid-interprocess", 100_000, stream),
        (ECHO, "cloudtoid-interprocess", 4000, echo),
    ]


def iceoryx_rows() -> list[tuple]:
    import ctypes

    import iceoryx2 as iox2

    iox2.set_log_level(iox2.LogLevel.Fatal)

    class Text(ctypes.Structure):
        _fields_ = [("data", ctypes.c_uint8 * 64)]

        @staticmethod
        def type_name() -> str:
            return "Text"

    def service(name: str):
        node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
        builder = node.service_builder(iox2.ServiceName.new(name)).publish_subscribe(Text)
        made = builder.enable_safe_overflow(False).subscriber_max_buffer_size(1024).open_or_create()
        return node, made

    def pushing(made):
        publisher = made.publisher_builder().create()

        def push(text):
            # It retries until the buffer has room.
            publisher.send_copy(Text.from_buffer_copy(text))

        return publisher, push

    def taking(made):
        subscriber = made.subscriber_builder().create()

        def take():
            while (sample := subscriber.receive()) is None:
                pass
            text = bytes(sample.payload().contents)
            sample.delete()
            return text

        return subscriber, take

    def await_other(made, publishers: int, subscribers: int) -> None:
        while made.dynamic_config.number_of_publishers < publishers or (
            made.dynamic_config.number_of_subscribers < subscribers
        ):
            time.sleep(0.001)

    def stream(run):
        def send():
            _node, made = service(run.name + "-a")
            _publisher, push = pushing(made)
            await_other(made, 1, 1)
            for text in sent(run.count):
                push(text)
            time.sleep(0.5)

        def receive():
            _node, made = service(run.name + "-a")
            _subscriber, take = taking(made)
            return timed(run.count, take)

        return send, receive

    def echo(run):
        def send():
            _n, forth = service(run.name + "-a")
            _m, back = service(run.name + "-b")
            (_p, push), (_s, take) = pushing(back), taking(forth)
            await_other(forth, 1, 1)
            await_other(back, 1, 1)
            for _ in range(run.count):
                push(take())
            time.sleep(0.5)

        def receive():
            _n, forth = service(run.name + "-a")
            _m, back = service(run.name + "-b")
            (_p, push), (_s, take) = pushing(forth), taking(back)
            await_other(forth, 1, 1)
            await_other(back, 1, 1)

            def ping(text):
                push(text)
                return take()

            return pinged(run.count, ping)

        return send, receive

    return [
        (STREAM, "iceoryx2, polling", 50_000, stream),
        (ECHO, "iceoryx2, polling", 4000, echo),
    ]


def rows() -> tuple[list[tuple], dict[str, str]]:
    """Rows of what is installed, and why the others are not there."""
    made, missing = [], {}
    for package, module, make in (
        ("pyzmq", "zmq", zmq_rows),
        ("iceoryx2", "iceoryx2", iceoryx_rows),
        ("faster-fifo", "faster_fifo", fifo_rows),
        ("cloudtoid-interprocess", "cloudtoid_interprocess", cloudtoid_rows),
    ):
        try:
            importlib.import_module(module)
        except ImportError as error:
            missing[package] = str(error)
            continue
        made += make()
    try:
        importlib.import_module("tachyon")
    except ImportError:
        missing["tachyon-ipc"] = "pip could not build it here; there is no row for it"
    return made, missing
