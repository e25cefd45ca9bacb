"""The logs of builds: a text file each, written line by line and read from its end."""

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Self

#: What one build may write into its log, in bytes, before only its last lines are kept.
LOG_LIMIT = 64 * 1024**2
LAST_LINES = 100

#: Stands where lines are missing.
CUT = "… The log was cut here: it is too long. Its last lines follow when the build has ended. …"

#: The most that is read of a log at once, in bytes.
READ_LIMIT = 16 * 1024**2

_BLOCK = 64 * 1024


class LogWriter:
    """Writes one build's log; each line can be read as soon as `write` returns.

    Behind `limit` bytes the log is cut: a line says so, and only the last lines follow it, when the writer closes.
    """

    def __init__(self, path: Path, *, limit: int = LOG_LIMIT) -> None:
        self._file = path.open("ab", buffering=0)
        self._left = limit
        self._cut = False
        self._last: deque[bytes] = deque(maxlen=LAST_LINES)

    def write(self, line: str) -> None:
        # A carriage return or the like inside a line must not make two lines of it when it is read.
        written = line.replace("\n", " ").encode(errors="replace") + b"\n"
        if not self._cut and len(written) > self._left:
            self._cut = True
            self._file.write(f"{CUT}\n".encode())
        if self._cut:
            self._last.append(written)
        else:
            self._left -= len(written)
            self._file.write(written)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # On a full disk they are lost, and the build has ended as it has.
        with self._file, suppress(OSError):
            self._file.write(b"".join(self._last))


def last_lines(path: Path, *, limit: int, max_bytes: int = READ_LIMIT) -> list[str]:
    """The last whole lines of a log, oldest first; none for a log that does not exist yet.

    At most `limit` lines, and fewer where they are so long that they would take more than `max_bytes`.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return []
    with file:
        position = file.seek(0, 2)
        start = max(0, position - max_bytes)
        blocks: list[bytes] = []
        newlines = 0
        # One newline more than lines wanted: the first piece may be the end of a longer line.
        while position > start and newlines <= limit:
            size = min(_BLOCK, position - start)
            position -= size
            file.seek(position)
            blocks.append(file.read(size))
            newlines += blocks[-1].count(b"\n")
    # What stands behind the last newline is still being written.
    lines = b"".join(reversed(blocks)).split(b"\n")[:-1]
    if position > 0:
        lines = lines[1:]
    return [line.decode(errors="replace") for line in lines[-limit:]]
