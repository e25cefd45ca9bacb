"""Two builds beside each other, as HTML. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape

from pipecat_nb.models import Build
from pipecat_nb.notebook import table
from pipecat_nb.notebook.quantities import duration, size
from pipecat_nb.notebook.style import CLASSES
from pipecat_nb.notebook.widgets.table import Row
from pipecat_nb.text import printable


@dataclass(frozen=True)
class Compared:
    """One of the two: the service's record, and the table's row of it."""

    build: Build
    row: Row


def html(before: Compared, after: Compared) -> str:
    """What the service knows of both, and by how much they differ: status, times, sizes, region, Dockerfile."""
    columns = ("", before.row["id"][:8], after.row["id"][:8], "difference")
    rows = [cells for cells in _rows(before, after) if any(cells[1:3])]
    label = escape(f"Builds {columns[1]} and {columns[2]} compared")
    shown = table.table(rows, columns=[printable(name) for name in columns])
    return f'<section class="{CLASSES} pcb-compared" aria-label="{label}">{shown}</section>'


def _rows(before: Compared, after: Compared) -> Iterator[tuple[str, str, str, str]]:
    old, new = before.row, after.row
    yield _texts("status", _status(old), _status(new))
    yield _texts("name", old["name"], new["name"])
    yield ("started", _moment(before.build.created_at), _moment(after.build.created_at), "")
    yield _seconds("queued", old["queue"], new["queue"])
    yield _seconds("built in", old["build"], new["build"])
    yield _bytes("context", before.build.context_size, after.build.context_size)
    yield _bytes("image", old["size"], new["size"])
    yield _texts("region", old["region"], new["region"])
    yield _texts("Dockerfile", *(printable(each.build.dockerfile_path or "") for each in (before, after)))
    yield _texts("commit", old["commit"], new["commit"])
    yield ("note", old["note"], new["note"], "")


def _status(row: Row) -> str:
    return f"{row['sign']} {row['status']}"


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment else ""


def _texts(name: str, old: str, new: str) -> tuple[str, str, str, str]:
    return (name, old, new, "" if old == new else "differs")


def _seconds(name: str, old: float | None, new: float | None) -> tuple[str, str, str, str]:
    shown = ["" if value is None else duration(value) for value in (old, new)]
    if old is None or new is None:
        return (name, shown[0], shown[1], "")
    by = new - old
    return (name, shown[0], shown[1], "" if abs(by) < 0.05 else f"{_sign(by)}{duration(abs(by))}")


def _bytes(name: str, old: int | None, new: int | None) -> tuple[str, str, str, str]:
    shown = ["" if value is None else size(value) for value in (old, new)]
    if old is None or new is None:
        return (name, shown[0], shown[1], "")
    return (name, shown[0], shown[1], "" if old == new else f"{_sign(new - old)}{size(abs(new - old))}")


def _sign(number: float) -> str:
    return "+" if number > 0 else "−"
