"""An archive's bytes to gzip: the official command line's very bytes, or as fast as this machine's cores can.

What an encoder writes depends on what it is given alone: never on the number of threads, nor on how the bytes were
cut when they came.
"""

import contextlib
import gzip
import os
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue
from threading import Event, Thread
from types import TracebackType
from typing import IO, Literal, Protocol, Self

import deflate

EncoderName = Literal["identical", "parallel"]
EncoderChoice = Literal["auto", "identical", "parallel"]

ENCODERS: tuple[EncoderChoice, ...] = ("auto", "identical", "parallel")

#: Up to so many bytes of files, the official command line's encoder is fast enough for its cache to be worth it.
IDENTICAL_LIMIT = 8 * 2**20

#: Bytes of the archive in each gzip member of the parallel encoder, and libdeflate's level. Both decide the hash.
MEMBER, LEVEL = 1024 * 1024, 6

#: What cannot be compressed is stored: this many bytes, at any of so many places, shrink by less than that share.
SAMPLE, SAMPLES, WORTHWHILE = 8 * 1024, 4, 0.03

#: Seconds after which the writer looks whether there will be more.
_LOOK = 0.01

#: More threads than these are not fed fast enough by the one that reads, and each holds memory.
MOST_THREADS = 8


class Encoder(Protocol):
    """Takes the archive's bytes; what it still holds is written when its `with` block ends without an error."""

    def write(self, data: bytes, /) -> object: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


def choose(choice: EncoderChoice, *, size: int) -> EncoderName:
    """The encoder for files of `size` bytes in all."""
    if choice == "auto":
        return "identical" if size <= IDENTICAL_LIMIT else "parallel"
    return choice


def encoder(name: EncoderName, file: IO[bytes], *, stamp: int = 0) -> Encoder:
    """An encoder that writes into a file; `stamp` (32 bits) stands in place of gzip's time, for another hash."""
    if name == "parallel":
        return ParallelEncoder(file, stamp=stamp)
    # The empty name: nothing of the file's own name goes into the header.
    return gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=9, mtime=stamp)


class ParallelEncoder:
    """Gzip members of `MEMBER` bytes each, the last one shorter: made in threads, written by another, in order.

    Whoever gives it bytes waits where the threads are behind, so that memory stays constant.
    """

    def __init__(self, file: IO[bytes], *, threads: int | None = None, stamp: int = 0) -> None:
        self._file = file
        self._stamp = stamp
        self._held: list[bytes | memoryview] = []
        self._room = MEMBER
        self._problem: BaseException | None = None
        self._ended, self._written = Event(), Event()
        threads = threads or min(_cores(), MOST_THREADS)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pipecat_nb-encoder")
        self._members: Queue[Future[bytes | bytearray]] = Queue(2 * threads)
        self._writer = Thread(target=self._write_members, name="pipecat_nb-encoder-writer", daemon=True)
        self._writer.start()

    def write(self, data: bytes, /) -> None:
        """Take some bytes."""
        if 0 < len(data) < self._room:
            self._held.append(data)
            self._room -= len(data)
            return
        left = memoryview(data)
        while len(left) >= self._room:
            self._held.append(left[: self._room])
            left = left[self._room :]
            self._submit()
        if left:
            self._held.append(left)
            self._room -= len(left)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._problem = self._problem or error
        try:
            if self._held and self._problem is None:
                self._submit()
            self._end()
        except BaseException as interrupted:
            self._problem = self._problem or interrupted
            self._end()
            raise
        if error is None and self._problem is not None:
            raise self._problem

    def _end(self) -> None:
        """End the threads: the writer has written all then, or after a failure nothing more."""
        self._ended.set()
        # A thread whose join was interrupted counts as joined: this tells when it has really ended.
        while not self._written.wait(1.0):
            pass
        self._writer.join()
        self._pool.shutdown(cancel_futures=True)

    def _submit(self) -> None:
        if self._problem is not None:
            raise self._problem
        self._members.put(self._pool.submit(_member, self._held, self._stamp))
        self._stamp = 0  # the first member's time is that of the whole
        self._held, self._room = [], MEMBER

    def _write_members(self) -> None:
        try:
            while (member := self._next_member()) is not None:
                # After a failure the rest is taken all the same: nobody may wait for a place in the queue.
                if self._problem is None:
                    try:
                        self._file.write(member.result())
                    except BaseException as error:  # noqa: BLE001  raised where the bytes come from
                        self._problem = error
        finally:
            self._written.set()

    def _next_member(self) -> "Future[bytes | bytearray] | None":
        """The next member to write; None where there will be no more."""
        while True:
            # Asked first: what comes between an empty queue and the question would be lost.
            ended = self._ended.is_set()
            with contextlib.suppress(Empty):
                return self._members.get(timeout=0 if ended else _LOOK)
            if ended:
                return None


def _member(pieces: list[bytes | memoryview], stamp: int) -> bytes | bytearray:
    data = b"".join(pieces)
    packed = deflate.gzip_compress(data, LEVEL if _shrinks(data) else 0)
    if stamp:
        packed[4:8] = stamp.to_bytes(4, "little")
    return packed


def _shrinks(data: bytes) -> bool:
    """Whether compressing is worth its time, from a few places of the data."""
    step = len(data) // SAMPLES
    if step <= SAMPLE:
        return True
    places = (number * step + (step - SAMPLE) // 2 for number in range(SAMPLES))
    samples = (data[place : place + SAMPLE] for place in places)
    return any(len(deflate.deflate_compress(sample, 1)) < (1 - WORTHWHILE) * SAMPLE for sample in samples)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
