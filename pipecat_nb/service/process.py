"""Processes with all of their children: their output line by line, and an end to all of them."""

import io
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

#: The longest piece of output without a newline that is kept as one line, in bytes.
LINE_LIMIT = 64 * 1024

#: Seconds between asking a process to end and ending it.
GRACE = 5.0

#: Pieces of output that are read ahead, and seconds from one look whether the process has ended to the next.
_CHUNKS = 16
_LOOK = 0.2


class Stopped(Exception):
    """The command was stopped by `ProcessTree.stop`."""


class ProcessFailed(Exception):
    """The command ended with another exit status than 0; `status` is that status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


class ProcessTree:
    """Runs the commands of one job, one at a time; `stop` ends the present one and refuses the next ones.

    A command's process group is ended with it. A process that left the group (`setsid`) is not, but nobody waits
    for it: its output is read for `grace` seconds after the command's own end, and no longer.
    """

    def __init__(self, *, grace: float = GRACE) -> None:
        self._grace = grace
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def lines(
        self, command: Sequence[str], *, directory: Path, environment: Mapping[str, str]
    ) -> Generator[str, None, None]:
        """What a command prints, line by line; raises ProcessFailed, Stopped, or OSError if it cannot start."""
        with self._lock:
            self.check()
            process = self._process = subprocess.Popen(
                command,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                **_own_group(),
            )
        try:
            yield from split_lines(_output(process, grace=self._grace))
        finally:
            with self._lock:
                self._process = None
            # Also after a good end: a step may have left a process behind.
            _kill(process)
            process.wait()
        self.check()
        if process.returncode:
            raise ProcessFailed(process.returncode)

    def check(self) -> None:
        """Raise Stopped once the job was stopped: for what the job does beside its commands."""
        if self._stopped:
            raise Stopped

    def stop(self) -> None:
        """End the present command and all of its children, by force after a time of grace."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is not None:
            _terminate(process)
            with suppress(subprocess.TimeoutExpired):
                process.wait(self._grace)
            _kill(process)


def _output(process: "subprocess.Popen[bytes]", *, grace: float) -> Iterator[bytes]:
    """What a process and its children print, for at most `grace` seconds after its own end."""
    output = process.stdout
    assert isinstance(output, io.BufferedReader)
    chunks: queue.Queue[bytes] = queue.Queue(maxsize=_CHUNKS)
    left = threading.Event()
    # A thread of its own, because reading a pipe cannot be given up on every platform.
    threading.Thread(target=_pump, args=(output, chunks, left), name="output", daemon=True).start()
    until: float | None = None
    try:
        while until is None or time.monotonic() < until:
            if until is None and process.poll() is not None:
                until = time.monotonic() + grace
            with suppress(queue.Empty):
                if not (chunk := chunks.get(timeout=_LOOK)):
                    process.wait()
                    return
                yield chunk
    finally:
        left.set()
        with suppress(queue.Empty):
            while True:  # makes room for the piece that the thread holds
                chunks.get_nowait()


def _pump(output: io.BufferedReader, chunks: "queue.Queue[bytes]", left: threading.Event) -> None:
    with output:
        while not left.is_set():
            chunk = output.read1(LINE_LIMIT)
            chunks.put(chunk)
            if not chunk:
                return


def split_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Text lines of a stream of bytes; of a line rewritten by carriage returns, what stands last."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from map(_as_printed, whole)
        if len(rest) >= LINE_LIMIT:
            yield _as_printed(rest)
            rest = b""
    if rest:
        yield _as_printed(rest)


def _as_printed(line: bytes) -> str:
    return line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")


def _own_group() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


if sys.platform == "win32":

    def _terminate(process: "subprocess.Popen[bytes]") -> None:
        process.send_signal(signal.CTRL_BREAK_EVENT)

    def _kill(process: "subprocess.Popen[bytes]") -> None:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)

else:

    def _terminate(process: "subprocess.Popen[bytes]") -> None:
        _signal_group(process, signal.SIGTERM)

    def _kill(process: "subprocess.Popen[bytes]") -> None:
        _signal_group(process, signal.SIGKILL)

    def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
        # The group outlives its leader as long as it has a member; its number is not given away before.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
