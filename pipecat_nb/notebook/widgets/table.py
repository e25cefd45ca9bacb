"""The live table of builds, as a widget."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

import anywidget
from traitlets import Bool, Dict, List, TraitError, Unicode, validate

from pipecat_nb.models import Build, format_time
from pipecat_nb.notebook.snapshot import Snapshot
from pipecat_nb.notebook.style import style
from pipecat_nb.notebook.widgets.scripts import joined, style_sheet
from pipecat_nb.text import printable

#: The most builds that are compared with each other.
COMPARED = 2

#: Characters of the longest text in a cell.
_CELL = 200


class Row(TypedDict):
    """A build as the table shows it: times in seconds, size in bytes, `created` in ISO 8601 or empty."""

    id: str
    status: str
    mood: str
    sign: str
    name: str
    region: str
    created: str
    queue: float | None
    build: float | None
    size: int | None
    commit: str
    note: str
    cached: bool


class BuildTable(anywidget.AnyWidget):
    """A table of builds that is sorted, filtered and chosen from by people and by Python alike.

    `selected` is the id of the chosen build, `compared` has those of up to two; `sort` is a column and a
    direction; `text`, `status` and `region` filter, where they are not empty.
    """

    _esm = joined("words.js", "tablerows.js", "tablecells.js", "table.js")
    _css = style() + style_sheet("table.css")

    #: The model's own id: by it the page finds out whether the kernel is still there.
    key = Unicode().tag(sync=True)
    rows = List(Dict(), help="The builds, each as a Row.").tag(sync=True)
    selected = Unicode(help="The chosen build's id.").tag(sync=True)
    compared = List(Unicode(), maxlen=COMPARED, help="The ids of the builds to compare.").tag(sync=True)
    sort = List(Unicode(), ["created", "descending"], minlen=2, maxlen=2).tag(sync=True)
    text = Unicode(help="Words that are all looked for in a build's cells.").tag(sync=True)
    status = Unicode(help="The status to show.").tag(sync=True)
    region = Unicode(help="The region to show.").tag(sync=True)
    loading = Bool(False, help="Whether the builds are being asked for.").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.key = self.model_id or ""

    @validate("sort")
    def _a_direction(self, proposal: Mapping[str, Any]) -> list[str]:
        value: list[str] = proposal["value"]
        if value[1] not in ("ascending", "descending"):
            raise TraitError(f"The direction is 'ascending' or 'descending', not {value[1]!r}.")
        return value


def rows(builds: Iterable[Build], known: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """The builds as rows, with what the local record knows of them (by id); each id once, the first counts."""
    unique: dict[str, Build] = {}
    for build in builds:
        if build.id:
            unique.setdefault(build.id, build)
    return [row(build, known.get(build.id, {})) for build in unique.values()]


def row(build: Build, known: Mapping[str, Any]) -> Row:
    """A build as a row, with what the local record knows of it."""
    snapshot = Snapshot(status=_text(build.status) or "unknown")
    return Row(
        id=_text(build.id),
        status=snapshot.status,
        mood=snapshot.mood,
        sign=snapshot.sign,
        name=_text(known.get("name")),
        region=_text(build.region),
        created=format_time(build.created_at) or "",
        queue=_between(build.created_at, build.started_at),
        build=_built_in(build),
        size=build.image_size,
        commit=_commit(build, known),
        note=_text(known.get("note")),
        cached=known.get("cached") is True,
    )


def _built_in(build: Build) -> float | None:
    # The service's own figure has whole seconds only.
    took = _between(build.started_at, build.completed_at)
    if took is None and build.build_seconds is not None and build.build_seconds >= 0:
        return float(build.build_seconds)
    return took


def _between(begin: Any, end: Any) -> float | None:
    """Seconds between two times; None where one is not known, or they cannot be true."""
    if begin is None or end is None or end < begin:
        return None
    return round(float((end - begin).total_seconds()), 3)


def _commit(build: Build, known: Mapping[str, Any]) -> str:
    commit = _text(known.get("git_commit") or build.commit)[:10]
    # As git itself marks it: what was sent is not what was committed.
    return f"{commit}-dirty" if commit and known.get("git_dirty") else commit


def _text(value: Any) -> str:
    return printable(str(value), limit=_CELL) if value else ""
