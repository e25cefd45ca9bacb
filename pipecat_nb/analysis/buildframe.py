"""A DataFrame of builds that is shown as people read it, while its values stay typed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import pandas as pd

from pipecat_nb.models import format_time
from pipecat_nb.quantities import ago, duration, size
from pipecat_nb.text import printable

#: The most rows that are shown, and the longest text in a cell.
MOST_ROWS, LONGEST = 60, 60

#: Characters of an id, which tell it apart from others.
ID = 8


@dataclass(frozen=True)
class Cell:
    """What stands in a cell, and the whole of it where that is more."""

    text: str
    whole: str = ""


@dataclass(frozen=True)
class Shown:
    """A frame in words: its columns, the first rows, how many there are in all, and what is to be said of all."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    count: int
    notes: tuple[str, ...]


class BuildFrame(pd.DataFrame):
    """Builds as a DataFrame, one row each; what is made of it by filtering or sorting is shown like it.

    What is shown are the columns that tell most, for people; the values are all there, as they are.
    """

    @property
    def _constructor(self) -> "type[BuildFrame]":
        return BuildFrame

    def __repr__(self) -> str:
        shown = self.shown()
        if shown is None:
            return super().__repr__()
        cells = [shown.columns, *([cell.text for cell in row] for row in shown.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        return "\n".join([*lines, *shown.notes])

    def shown(self, *, now: datetime | None = None) -> Shown | None:
        """What a person is shown of it; None where it is no frame of builds (any more)."""
        if self.index.name != "id" or "status" not in self.columns:
            return None
        now = now or datetime.now(UTC)
        # A choice of columns is somebody's own.
        whole = {*_COLUMNS} <= {*self.columns}
        names = [*_COLUMNS] if whole else [str(name) for name in self.columns]
        first = self.iloc[:MOST_ROWS]
        columns = [[_id(value) for value in first.index]]
        for name in names:
            _, say = _COLUMNS.get(name, (name, _text))
            if name in _TIMES:
                columns.append([_time(value, now) for value in first[name]])
            else:
                columns.append([say(value) for value in first[name]])
        titles = [_COLUMNS[name][0] if whole else name for name in names]
        used = [number for number, cells in enumerate(columns) if number <= 1 or any(cell.text for cell in cells)]
        kept = used if whole else [*range(len(columns))]
        rows = zip(*(columns[number] for number in kept), strict=True)
        return Shown(
            columns=tuple(["build", *titles][number] for number in kept),
            rows=tuple(rows),
            count=len(self),
            notes=tuple(self._notes()),
        )

    def _notes(self) -> list[str]:
        count = len(self)
        more = f", the first {MOST_ROWS} of them" if count > MOST_ROWS else ""
        where = f" at {self.attrs['target']}" if self.attrs.get("target") else ""
        said = [f"{count:,} build{'' if count == 1 else 's'}{where}{more}."]
        return [printable(text) for text in [*said, self.attrs.get("note")] if text]


Say = Callable[[Any], Cell]


def _missing(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _text(value: Any) -> Cell:
    if _missing(value):
        return Cell("")
    text = " ".join(printable(str(value)).split())
    return Cell(text) if len(text) <= LONGEST else Cell(f"{text[: LONGEST - 1]}…", text)


def _id(value: Any) -> Cell:
    whole = _text(value).whole or _text(value).text
    return Cell(whole[:ID], whole)


def _time(value: Any, now: datetime) -> Cell:
    if not isinstance(value, datetime) or _missing(value):
        return _text(value)
    return Cell(ago((now - value).total_seconds()), format_time(value) or "")


def _duration(value: Any) -> Cell:
    return (
        _text(value)
        if _missing(value) or not hasattr(value, "total_seconds")
        else Cell(duration(value.total_seconds()))
    )


def _size(value: Any) -> Cell:
    return Cell("") if _missing(value) else Cell(size(int(value)), f"{int(value):,} bytes")


def _directory(value: Any) -> Cell:
    whole = _text(value)
    return Cell(PurePath(str(value)).name or whole.text, str(value)) if whole.text else whole


def _flag(value: Any) -> Cell:
    return Cell("" if _missing(value) or not value else "yes")


def _hash(value: Any) -> Cell:
    return Cell("") if _missing(value) else Cell(str(value)[:ID], str(value))


_TIMES = ("created_at", "started_at", "completed_at", "updated_at")

#: The columns that tell most, in the order in which they are read: column -> (its title, how a value is said).
_COLUMNS: dict[str, tuple[str, Say]] = {
    "status": ("status", _text),
    "directory": ("directory", _directory),
    "created_at": ("created", _text),
    "queue_time": ("queued", _duration),
    "build_time": ("built in", _duration),
    "cached": ("reused", _flag),
    "region": ("region", _text),
    "context_size": ("context", _size),
    "image_size": ("image", _size),
    "git_commit": ("commit", _hash),
    "note": ("note", _text),
    "error_message": ("error", _text),
}

#: The columns of numbers, by their titles.
NUMBERS: Sequence[str] = ("queued", "built in", "context", "image")
