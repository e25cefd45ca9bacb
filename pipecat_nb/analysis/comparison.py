"""Two builds side by side: what is the same, what differs, and by how much. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from numbers import Integral
from typing import Any

import pandas as pd

from pipecat_nb.errors import UnknownBuild
from pipecat_nb.models import format_time
from pipecat_nb.quantities import duration, size
from pipecat_nb.text import printable

#: The columns that are compared, in the order in which they are read, and their titles.
FIELDS = {
    "status": "status",
    "created_at": "created",
    "queue_time": "queued",
    "build_time": "built in",
    "cached": "reused",
    "context_size": "context",
    "image_size": "image",
    "files": "files",
    "region": "region",
    "dockerfile_path": "Dockerfile",
    "directory": "directory",
    "context_hash": "context's hash",
    "note": "note",
    "git_branch": "branch",
    "git_commit": "commit",
    "git_dirty": "uncommitted changes",
    "repository": "repository",
    "ref": "ref",
    "commit": "commit built by the service",
    "error_message": "error",
}

_SIZES = ("context_size", "image_size")

#: Characters of a value that are shown, and ids that are named where many begin alike.
_LONGEST, _NAMED = 80, 5


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two builds, `before` and `after` (their ids), by field: `.table`; shown in words."""

    before: str
    after: str
    table: pd.DataFrame

    def __repr__(self) -> str:
        rows = [("", self.before, self.after, "change"), *self._rows()]
        rows = [(title, _line(one), _line(other), change) for title, one, other, change in rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        def row(tag: str, cells: tuple[str, ...]) -> str:
            first, *others = (escape(_line(cell)) for cell in cells)
            inside = "".join(f"<{tag}><bdi>{cell}</bdi></{tag}>" for cell in others)
            return f'<tr><th scope="row">{first}</th>{inside}</tr>'

        head = row('th scope="col"', ("", self.before, self.after, "change")).replace('</th scope="col">', "</th>")
        body = "".join(row("td", cells) for cells in self._rows())
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        """Title, before, after and change in words, of what is known of either."""
        rows = zip(self.table.index, self.table["before"], self.table["after"], self.table["change"], strict=True)
        return [
            (FIELDS[name], _words(name, one), _words(name, other), _change(name, one, change))
            for name, one, other, change in rows
            if not (pd.isna(one) and pd.isna(other))
        ]


def compare(table: pd.DataFrame, a: str, b: str) -> Comparison:
    """Build `a` and build `b`, by their ids or unique beginnings, with `a` as the one before.

    `.table` has a row for each field, named as the columns of the frame are, and the columns `before`, `after` and
    `change`: the difference where it is a time, a duration, a size or a number, else `same` or `changed`; missing
    where nothing is known of one of them. Raises UnknownBuild.
    """
    one, other = _place(table, a), _place(table, b)
    rows = {}
    for name in FIELDS:
        column = table[name] if name in table.columns else None
        before, after = (None, None) if column is None else (column.iloc[one], column.iloc[other])
        rows[name] = [_value(before), _value(after), _difference(_value(before), _value(after))]
    values = pd.DataFrame(
        {
            title: pd.Series([row[number] for row in rows.values()], dtype=object)
            for number, title in enumerate(("before", "after", "change"))
        }
    )
    values.index = pd.Index([*rows], name="field")
    return Comparison(str(table.index[one]), str(table.index[other]), values)


def _place(table: pd.DataFrame, wanted: str) -> int:
    """Where the build of this id, or the only one whose id so begins, stands."""
    ids = ["" if pd.isna(id_) else str(id_) for id_ in table.index]
    if wanted and wanted in ids:
        return ids.index(wanted)
    found = {id_: place for place, id_ in enumerate(ids) if wanted and id_.startswith(wanted)}
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise UnknownBuild(f"No build's id in this frame begins with {wanted!r}.", hint="Its index has the ids.")
    named = ", ".join([*sorted(found)[:_NAMED], *(["…"] if len(found) > _NAMED else [])])
    raise UnknownBuild(f"{len(found)} builds begin with {wanted!r}.", hint=f"Write more of the id: {named}")


def _value(value: Any) -> Any:
    return pd.NA if not pd.api.types.is_scalar(value) or pd.isna(value) else value


def _number(value: Any) -> bool:
    return isinstance(value, Integral) and not pd.api.types.is_bool(value)


def _difference(before: Any, after: Any) -> Any:
    if pd.isna(before) or pd.isna(after):
        return pd.NA
    for kind in (datetime, timedelta):
        if isinstance(before, kind) and isinstance(after, kind):
            return after - before  # type: ignore[operator]
    if _number(before) and _number(after):
        return int(after) - int(before)
    return "same" if before == after else "changed"


def _words(name: str, value: Any) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, datetime):
        return format_time(value) or ""
    if isinstance(value, timedelta):
        return duration(value.total_seconds())
    if _number(value):
        return size(int(value)) if name in _SIZES else f"{int(value):,}"
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    return str(value)


def _change(name: str, before: Any, change: Any) -> str:
    if pd.isna(change):
        return ""
    if isinstance(change, str):
        return "" if change == "same" else change
    nothing = timedelta(0) if isinstance(change, timedelta) else 0
    if change == nothing:
        return ""
    words = f"{'+' if change > nothing else '−'}{_words(name, abs(change))}"
    if isinstance(before, datetime) or before == nothing:
        return words
    return f"{words} ({change / before:+.0%})".replace("-", "−")


def _line(text: str) -> str:
    """Text of unknown origin in one line."""
    line = " ".join(printable(text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
