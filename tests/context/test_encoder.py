"""The parallel encoder: the same bytes whatever the machine does, all of them back, and in constant memory."""

import _thread
import gzip
import io
import random
import signal
import tarfile
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipecat_nb.context import IDENTICAL_LIMIT, choose, encoder, pack
from pipecat_nb.context.encoder import MEMBER, ParallelEncoder
from pipecat_nb.errors import ContextTooLarge

from ..conftest import wait_until
from .trees import make

TEXT = b"a line that is a little different each time: %d\n"
NOISE = random.Random(1).randbytes(MEMBER)


def encoded(pieces: list[bytes], *, threads: int) -> bytes:
    out = io.BytesIO()
    with ParallelEncoder(out, threads=threads) as packed:
        for piece in pieces:
            packed.write(piece)
    return out.getvalue()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 3 * MEMBER), max_size=6),
    st.lists(st.integers(0, 3 * MEMBER), max_size=6),
    st.integers(1, 5),
)
def test_the_bytes_depend_neither_on_threads_nor_on_pieces(
    cuts: list[int], others: list[int], threads: int
) -> None:
    data = (NOISE + b"".join(TEXT % number for number in range(20_000)) + NOISE)[: 3 * MEMBER]

    def pieces(places: list[int]) -> list[bytes]:
        bounds = [0, *sorted(places), len(data)]
        return [data[begin:end] for begin, end in pairwise(bounds)]

    first = encoded(pieces(cuts), threads=threads)
    assert first == encoded(pieces(others), threads=1)
    assert gzip.decompress(first) == data


def test_nothing_becomes_no_member() -> None:
    assert encoded([], threads=2) == encoded([b""], threads=1) == b""


def test_what_cannot_be_compressed_is_stored_and_what_can_is_not() -> None:
    assert MEMBER < len(encoded([NOISE], threads=1)) < MEMBER * 1.001
    text = b"".join(TEXT % number for number in range(20_000))[:MEMBER]
    assert len(encoded([text], threads=1)) < MEMBER / 5
    # Half of it is worth the time.
    assert len(encoded([text[: MEMBER // 2] + NOISE[: MEMBER // 2]], threads=1)) < MEMBER * 0.7


def test_an_error_ends_the_threads_and_writes_nothing_more() -> None:
    out = io.BytesIO()
    before = set(threading.enumerate())

    def interrupted() -> None:
        with ParallelEncoder(out, threads=3) as packed:
            packed.write(NOISE * 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert set(threading.enumerate()) == before
    assert out.getvalue() in (b"", encoded([NOISE], threads=1))


def test_a_member_that_comes_just_after_the_writer_found_none_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Queue[ParallelEncoder] = Queue()

    class Late(Queue[Any]):
        """Says once that it is empty, by when the last member has come and no more will."""

        late = True

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            if self.late:
                self.late = False
                assert made.get(timeout=10)._ended.wait(10)
                raise Empty
            return super().get(block, timeout)

    monkeypatch.setattr(encoder, "Queue", Late)
    out = io.BytesIO()
    with ParallelEncoder(out, threads=1) as packed:
        made.put(packed)
        packed.write(b"the only member")
    assert gzip.decompress(out.getvalue()) == b"the only member"


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """What is started in the background by a shell ignores interrupts, and so do the tests that it runs."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_at_the_end_leaves_no_thread_that_writes() -> None:
    before = set(threading.enumerate())

    class Interrupting(io.BytesIO):
        """Interrupts the main thread, once, when that waits for the writer, which is in the midst of its work."""

        def __init__(self) -> None:
            super().__init__()
            self.encoders: Queue[ParallelEncoder] = Queue()
            self.sent = False

        def write(self, data: Any, /) -> int:
            if not self.sent:
                self.sent = True
                assert self.encoders.get(timeout=10)._ended.wait(10)
                _thread.interrupt_main()
            return super().write(data)

    def interrupted(file: Interrupting) -> None:
        with ParallelEncoder(file, threads=2) as packed:
            file.encoders.put(packed)
            packed.write(NOISE * 3)

    for _ in range(10):
        file = Interrupting()
        with pytest.raises(KeyboardInterrupt):
            interrupted(file)
        written = file.getvalue()
        # The join of a thread that had nothing more to do may be what was interrupted.
        wait_until(lambda: set(threading.enumerate()) == before, "the threads to end")
        assert file.getvalue() == written


def test_a_file_that_refuses_ends_the_threads_too() -> None:
    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError("full")

    before = set(threading.enumerate())
    with pytest.raises(OSError, match="full"), ParallelEncoder(Full(), threads=2) as packed:
        packed.write(NOISE * 9)
    assert set(threading.enumerate()) == before


def test_both_encoders_hold_the_same_archive(tmp_path: Path) -> None:
    directory = make(tmp_path, a_txt="a" * 3000, b__c_py="print()\n")
    (directory / "noise.bin").write_bytes(NOISE * 2 + b"more")
    with pack(directory, encoder="identical") as slow, pack(directory, encoder="parallel") as fast:
        assert (slow.encoder, fast.encoder) == ("identical", "parallel")
        assert slow.hash != fast.hash
        assert slow.manifest == fast.manifest
        assert gzip.decompress(slow.archive.read_bytes()) == gzip.decompress(fast.archive.read_bytes())
        with tarfile.open(fast.archive) as tar:
            assert tar.getnames() == ["Dockerfile", "a.txt", "b/c.py", "noise.bin"]


def test_the_choice_is_by_the_bytes_of_the_files(tmp_path: Path) -> None:
    directory = make(tmp_path)
    size = pack(directory).size
    big = directory / "big.bin"
    big.write_bytes(bytes(IDENTICAL_LIMIT - size))
    assert pack(directory).encoder == "identical"
    big.write_bytes(bytes(IDENTICAL_LIMIT - size + 1))
    assert pack(directory).encoder == "parallel"
    assert choose("identical", size=10 * IDENTICAL_LIMIT) == "identical"
    assert choose("parallel", size=0) == "parallel"


def test_the_limit_holds_while_it_is_written(tmp_path: Path) -> None:
    directory = make(tmp_path)
    (directory / "noise.bin").write_bytes(NOISE * 6)
    with pytest.raises(ContextTooLarge):
        pack(directory, encoder="parallel", limit=2 * MEMBER)
