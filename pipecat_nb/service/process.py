"""Processes with all of their children: their output line by line, and an end to all of them."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

#: The longest piece of output without a newline that is kept as one line, in bytes.
LINE_LIMIT = 64 * 1024

#: Seconds between asking a process to end and ending it.
GRACE = 5.0


class Stopped(Exception):
    """The command was stopped by `ProcessTree.stop`."""


class ProcessFailed(Exception):
    """The command ended with another exit status than 0; `status` is that status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


class ProcessTree:
    """Runs the commands of one job, one at a time; `stop` ends the present one and refuses the next ones."""

    def __init__(self, *, grace: float = GRACE) -> None:
        self._grace = grace
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def lines(self, command: Sequence[str], *, directory: Path, environment: Mapping[str, str]) -> Iterator[str]:
        """What a command prints, line by line; raises ProcessFailed, Stopped, or OSError if it cannot start."""
        with self._lock:
            if self._stopped:
                raise Stopped
            process = self._process = subprocess.Popen(
                command,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                **_own_group(),
            )
        with process:
            output = process.stdout
            assert isinstance(output, io.BufferedReader)
            try:
                yield from split_lines(iter(lambda: output.read1(LINE_LIMIT), b""))
                process.wait()
            finally:
                with self._lock:
                    self._process = None
                # Also after a good end: a step may have left a process behind.
                _kill(process)
        if self._stopped:
            raise Stopped
        if process.returncode:
            raise ProcessFailed(process.returncode)

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
