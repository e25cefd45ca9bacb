"""What the server cannot know of the builds started on this machine, kept here: directory, note, git, times."""

import contextlib
import sqlite3
import subprocess
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipecat_nb import paths


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The git commit that a directory was at, and whether it held more than that."""

    git_commit: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None


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
    commit: Commit = Commit()


_SCHEMA = """
CREATE TABLE IF NOT EXISTS starts (
    number INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    started_at TEXT NOT NULL,
    id TEXT NOT NULL,
    cached INTEGER NOT NULL,
    directory TEXT NOT NULL,
    name TEXT NOT NULL,
    note TEXT NOT NULL,
    files INTEGER,
    pack_time REAL,
    upload_time REAL,
    git_commit TEXT,
    git_branch TEXT,
    git_dirty INTEGER
);
CREATE INDEX IF NOT EXISTS starts_by_target ON starts (target, id);
"""


class Record:
    """The record of one place to build at (`target`: its label), in a database that survives a crash.

    Losing it loses no build: where it cannot be read or written, this warns and goes on.
    """

    def __init__(self, target: str, *, path: Path | None = None) -> None:
        self._target = target
        self._path = path or paths.state_dir() / "record.sqlite3"

    def add(self, start: Start) -> None:
        """Keep one start."""
        row = asdict(start)
        row |= row.pop("commit") | {"target": self._target, "started_at": datetime.now(UTC).isoformat()}
        # SQLite's text is UTF-8, and the name of a directory need not be.
        row |= {name: _utf8(row[name]) for name in ("directory", "name", "note")}
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        self._run(f"INSERT INTO starts ({names}) VALUES ({values})", row)

    def recent(self) -> list[str]:
        """The ids of the builds started here, the latest first, each once."""
        query = "SELECT id FROM starts WHERE target = :target GROUP BY id ORDER BY max(number) DESC"
        return [row["id"] for row in self._run(query, {"target": self._target})]

    def columns(self) -> Mapping[str, Mapping[str, Any]]:
        """By build id: directory, name, git_*, pack_time, upload_time, files of the start that made it, and of all
        starts that led to it, whether one got it from the cache (cached), and the last note.

        A build that was only ever met in the cache has the values of the first time.
        """
        found: dict[str, dict[str, Any]] = {}
        query = "SELECT * FROM starts WHERE target = :target ORDER BY number"
        for row in self._run(query, {"target": self._target}):
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

    def _run(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as database, database:
                database.row_factory = sqlite3.Row
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(_SCHEMA)
                return database.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError, UnicodeError) as error:
            warnings.warn(f"The local record {self._path} cannot be used: {error}", stacklevel=3)
            return []


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _columns(row: sqlite3.Row) -> dict[str, Any]:
    values = {key: row[key] for key in row.keys() if key not in ("number", "target", "id")}  # noqa: SIM118
    for flag in ("cached", "git_dirty"):
        values[flag] = None if values[flag] is None else bool(values[flag])
    return values


def commit_of(directory: Path) -> Commit:
    """The git commit of a directory; all None where there is no git, or no repository."""
    commit = _git(directory, "rev-parse", "HEAD")
    if commit is None:
        return Commit()
    branch = _git(directory, "symbolic-ref", "--short", "-q", "HEAD")
    changes = _git(directory, "status", "--porcelain", "--", ".")
    return Commit(git_commit=commit, git_branch=branch, git_dirty=None if changes is None else bool(changes))


def _git(directory: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip()
