"""The logs of builds: a text file each, written line by line and read from its end."""

from pathlib import Path
from typing import Self

_BLOCK = 64 * 1024


class LogWriter:
    """Writes one build's log; each line can be read as soon as `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, line: str) -> None:
        # A carriage return or the like inside a line must not make two lines of it when it is read.
        self._file.write(line.replace("\n", " ").encode(errors="replace") + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def last_lines(path: Path, *, limit: int) -> list[str]:
    """The last whole lines of a log, at most `limit`, oldest first; none for a log that does not exist yet."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return []
    with file:
        position = file.seek(0, 2)
        blocks: list[bytes] = []
        newlines = 0
        # One newline more than lines wanted: the first piece may be the end of a longer line.
        while position > 0 and newlines <= limit:
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            blocks.append(file.read(size))
            newlines += blocks[-1].count(b"\n")
    # What stands behind the last newline is still being written.
    lines = b"".join(reversed(blocks)).split(b"\n")[:-1]
    return [line.decode(errors="replace") for line in lines[-limit:]]
