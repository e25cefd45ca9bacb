"""The builds that were started on this machine: what the server cannot know of them."""

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipecat_nb.record.contexts import Contexts
from pipecat_nb.record.database import Database
from pipecat_nb.record.git import Commit
from pipecat_nb.record.past import Past


@dataclass(frozen=True, kw_only=True)
class Start:
    """One `%pcbuild`: which build it led to, from what, and how long this machine's part took (seconds)."""

    id: str
    cached: bool
    directory: str
    name: str = ""
    note: str = ""
    files: int | None = None
    pack_time: float | None = None
    upload_time: float | None = None
    commit: Commit = field(default_factory=Commit)
    #: Of the context as it was packed; a build from the cache may have another one's.
    context_hash: str = ""
    region: str = ""
    dockerfile_path: str = ""
    no_cache: bool = False


@dataclass(frozen=True, kw_only=True)
class Kept(Start):
    """A start as it was kept: when it was (UTC), and its place among all of them."""

    number: int
    started_at: datetime


class Record:
    """The record of one place to build at (`target`: its label).

    Losing it loses no build: where it cannot be read or written, this warns and goes on.
    """

    def __init__(self, target: str, *, path: Path | None = None) -> None:
        self._target = target
        self._database = Database(path)
        self.contexts = Contexts(self._database)
        self.past = Past(self._database, target)

    def add(self, start: Start) -> None:
        """Keep one start."""
        row = asdict(start)
        row |= row.pop("commit") | {"target": self._target, "started_at": datetime.now(UTC).isoformat()}
        # SQLite's text is UTF-8, and the name of a directory need not be.
        row |= {name: _utf8(row[name]) for name in ("directory", "name", "note", "dockerfile_path")}
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        self._database.rows(f"INSERT INTO starts ({names}) VALUES ({values})", row)

    def recent(self) -> list[str]:
        """The ids of the builds started here, the latest first, each once."""
        query = "SELECT id FROM starts WHERE target = :target GROUP BY id ORDER BY max(number) DESC"
        return [row["id"] for row in self._database.rows(query, {"target": self._target})]

    def regions(self) -> list[str]:
        """The regions that were built for here."""
        query = "SELECT DISTINCT region FROM starts WHERE target = :target AND region != '' ORDER BY region"
        return [row["region"] for row in self._database.rows(query, {"target": self._target})]

    def built_from(self, directory: str) -> set[str]:
        """The ids of the builds that were started from a directory."""
        query = "SELECT DISTINCT id FROM starts WHERE target = :target AND directory = :directory"
        values = {"target": self._target, "directory": _utf8(directory)}
        return {row["id"] for row in self._database.rows(query, values)}

    def columns(self) -> Mapping[str, Mapping[str, Any]]:
        """By build id: directory, name, git_*, pack_time, upload_time, files of the start that made it, and of all
        starts that led to it, whether one got it from the cache (cached), and the last note.

        A build that was only ever met in the cache has the values of the first time.
        """
        found: dict[str, dict[str, Any]] = {}
        query = "SELECT * FROM starts WHERE target = :target ORDER BY number"
        for row in self._database.rows(query, {"target": self._target}):
            columns, before = _columns(row), found.get(row["id"])
            if before is not None:
                of_all = {
                    "cached": columns["cached"] or before["cached"],
                    "note": columns["note"] or before["note"],
                }
                columns = (before if columns["cached"] else columns) | of_all
            found[row["id"]] = columns
        return found

    def start_of(self, build_id: str) -> Mapping[str, Any]:
        """The columns of one build; empty for a build that was not started here."""
        return self.columns().get(build_id, {})

    def made(self, build_id: str) -> Kept | None:
        """The start that made a build, or where it was only met in the cache, the first that met it."""
        return self._one("id = :id ORDER BY cached, number", {"id": build_id})

    def latest(self, build_id: str) -> Kept | None:
        """The last start that led to a build, from the cache or not."""
        return self._one("id = :id ORDER BY number DESC", {"id": build_id})

    def before(self, start: Kept) -> Kept | None:
        """The start before another one from its directory: the last of the same region and Dockerfile, if any."""
        return self._one(
            "directory = :directory AND number < :number "
            "ORDER BY region = :region AND dockerfile_path = :dockerfile_path DESC, number DESC",
            {
                "directory": start.directory,
                "number": start.number,
                "region": start.region,
                "dockerfile_path": start.dockerfile_path,
            },
        )

    def _one(self, condition: str, values: Mapping[str, Any]) -> Kept | None:
        query = f"SELECT * FROM starts WHERE target = :target AND {condition} LIMIT 1"
        rows = self._database.rows(query, {"target": self._target, **values})
        return _kept(rows[0]) if rows else None


def _kept(row: sqlite3.Row) -> Kept:
    columns = _columns(row)
    commit = Commit(**{each.name: columns[each.name] for each in fields(Commit)})
    plain = {each.name: columns[each.name] for each in fields(Start) if each.name in columns}
    started_at = datetime.fromisoformat(row["started_at"])
    return Kept(id=row["id"], number=row["number"], started_at=started_at, commit=commit, **plain)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _columns(row: sqlite3.Row) -> dict[str, Any]:
    values = {key: row[key] for key in row.keys() if key not in ("number", "target", "id")}  # noqa: SIM118
    for flag in ("cached", "git_dirty", "no_cache"):
        values[flag] = None if values[flag] is None else bool(values[flag])
    return values
