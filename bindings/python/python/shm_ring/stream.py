"""Owns: byte streams over messages, as raw files. Knows nothing of: how messages are carried."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from ._errors import Closed, TimedOut
from ._native import MessageConsumer, MessageProducer

if TYPE_CHECKING:
    from typing import Unpack

    from _typeshed import ReadableBuffer, WriteableBuffer

    from ._options import Options


class StreamWriter(io.RawIOBase):
    """The writing end of a byte stream: a raw binary file. Nothing is buffered, and closing it is the end of the stream.

    ``StreamWriter(place, **options)`` opens the ring or creates it. ``timeout`` is in seconds; ``None`` waits for ever.
    Wrap it in :class:`io.BufferedWriter` or :class:`io.TextIOWrapper` for more comfort.

    >>> import io, os, threading
    >>> name = f"/shm-ring-doc-stream-{os.getpid()}"
    >>> def write():
    ...     with io.TextIOWrapper(io.BufferedWriter(StreamWriter(name))) as text:
    ...         print("as many", "lines", "as it takes", sep="\\n", file=text)
    >>> writing = threading.Thread(target=write); writing.start()
    >>> with io.TextIOWrapper(io.BufferedReader(StreamReader(name, unlink_on_close=True))) as text:
    ...     text.read().split("\\n")
    ['as many', 'lines', 'as it takes', '']
    >>> writing.join()
    """

    def __init__(
        self,
        place: str | int | os.PathLike[str],
        timeout: float | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__()
        self.timeout = timeout
        self._end = MessageProducer(place, **options)

    @property
    def producer(self) -> MessageProducer:
        """The producer underneath."""
        return self._end

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: ReadableBuffer, /) -> int | None:
        """Publishes ``data``, or as much of it as one message takes: how many bytes that was. ``None`` if the timeout is 0
        and there is no room."""
        self._check()
        view = memoryview(data).cast("B")
        try:
            return self._end._write(view, self.timeout)
        except TimedOut:
            if self.timeout == 0:
                return None
            raise

    def close(self) -> None:
        """Ends the stream."""
        if not self.closed:
            try:
                super().close()
            finally:
                _close(self)

    def _check(self) -> None:
        if self.closed:
            raise ValueError("write to a stream that was closed")


class StreamReader(io.RawIOBase):
    """The reading end of a byte stream: a raw binary file, which ends when the writer has closed and all was read. A writer
    that died is :class:`PeerDead`. It reports the end of every stream once, also of one that was closed before this reader
    came.

    ``StreamReader(place, **options)`` opens the ring or creates it. ``timeout`` is in seconds; ``None`` waits for ever.
    """

    def __init__(
        self,
        place: str | int | os.PathLike[str],
        timeout: float | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__()
        self.timeout = timeout
        self._end = MessageConsumer(place, **options)
        self._end._of_stream()
        self._read = 0

    @property
    def consumer(self) -> MessageConsumer:
        """The consumer underneath."""
        return self._end

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Reads up to as many bytes as ``buffer`` has room for, at least one: how many; 0 at the end of the stream. ``None`` if
        the timeout is 0 and there is nothing."""
        if self.closed:
            raise ValueError("read from a stream that was closed")
        view = memoryview(buffer).cast("B")
        if not view.nbytes:
            return 0
        try:
            while True:
                copied, whole = self._end._read(view, self._read, self.timeout)
                self._read = 0 if whole else self._read + copied
                # An empty message is no end.
                if copied:
                    return copied
        except Closed:
            return 0
        except TimedOut:
            if self.timeout == 0:
                return None
            raise

    def close(self) -> None:
        """Closes the consumer. What was not read stays."""
        if not self.closed:
            try:
                super().close()
            finally:
                _close(self)


def _close(stream: Any) -> None:
    # Where attaching failed there is none.
    end = getattr(stream, "_end", None)
    if end is not None:
        end.close()
