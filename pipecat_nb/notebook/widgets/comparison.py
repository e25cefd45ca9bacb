"""Two builds beside each other, as HTML. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TypeVar

from pipecat_nb.models import Build
from pipecat_nb.notebook import table
from pipecat_nb.notebook.style import CLASSES
from pipecat_nb.notebook.widgets.table import Row
from pipecat_nb.quantities import duration, size
from pipecat_nb.text import printable

N = TypeVar("N", int, float)


@dataclass(frozen=True)
class Compared:
    """One of the two: the service's record, and the table's row of it."""

    build: Build
    row: Row


def html(before: Compared, after: Compared) -> str:
    """What the service knows of both, and by how much they differ: status, times, sizes, region, Dockerfile."""
    ids = [printable(each.row["id"][:8]) for each in (before, after)]
    rows = [cells for cells in _rows(before, after) if any(cells[1:])]
    shown = table.table(rows, columns=("build", *ids))
    label = escape(f"Builds {' and '.join(ids)} compared")
    return f'<section class="{CLASSES} pcb-compared" aria-label="{label}">{shown}</section>'


def _rows(before: Compared, after: Compared) -> Iterator[tuple[str, str, str]]:
    old, new = before.row, after.row
    yield ("status", _status(old), _status(new))
    yield ("name", old["name"], new["name"])
    yield ("started", _moment(before.build), _moment(after.build))
    yield _measured("queued", old["queue"], new["queue"], duration)
    yield _measured("built in", old["build"], new["build"], duration)
    yield _measured("context", before.build.context_size, after.build.context_size, size)
    yield _measured("image", old["size"], new["size"], size)
    yield ("region", old["region"], new["region"])
    yield ("Dockerfile", _dockerfile(before.build), _dockerfile(after.build))
    yield ("commit", old["commit"], new["commit"])
    yield ("note", old["note"], new["note"])


def _status(row: Row) -> str:
    return f"{row['sign']} {row['status']}"


def _moment(build: Build) -> str:
    return f"{build.created_at.astimezone():%Y-%m-%d %H:%M:%S}" if build.created_at else ""


def _dockerfile(build: Build) -> str:
    return printable(build.dockerfile_path or "")


def _measured(name: str, old: N | None, new: N | None, written: Callable[[N], str]) -> tuple[str, str, str]:
    """Both values, and how much more or less the second is, where that can be seen at all."""
    before, after = ("" if value is None else written(value) for value in (old, new))
    if old is not None and new is not None and before != after:
        after += f" ({'+' if new > old else '−'}{written(abs(new - old))})"
    return (name, before, after)
