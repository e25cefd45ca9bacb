"""The record's file: a database that survives a crash, and whose loss stops nothing."""

import contextlib
import sqlite3
import warnings
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from pipecat_nb import paths

Result = TypeVar("Result")

#: The number goes up with each change of the tables.
_VERSION = 2

_TABLES = (
    """
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
    )
    """,
    "CREATE INDEX IF NOT EXISTS starts_by_target ON starts (target, id)",
    """
    CREATE TABLE IF NOT EXISTS contexts (
        number INTEGER PRIMARY KEY,
        hash TEXT NOT NULL UNIQUE,
        content TEXT NOT NULL,
        encoder TEXT NOT NULL,
        manifest BLOB NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS contexts_by_content ON contexts (content)",
    "CREATE TABLE IF NOT EXISTS texts (digest TEXT PRIMARY KEY, used INTEGER NOT NULL, text BLOB NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS past (
        number INTEGER PRIMARY KEY,
        target TEXT NOT NULL,
        id TEXT NOT NULL,
        final INTEGER NOT NULL,
        status TEXT,
        region TEXT,
        context_hash TEXT,
        build TEXT NOT NULL,
        UNIQUE (target, id)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS listings (
        target TEXT NOT NULL,
        filters TEXT NOT NULL,
        covered TEXT NOT NULL,
        complete_at TEXT,
        PRIMARY KEY (target, filters)
    )
    """,
)

#: What `starts` did not have in the first release; of a row from then it is empty.
_ADDED = {
    **dict.fromkeys(("context_hash", "region", "dockerfile_path"), "TEXT NOT NULL DEFAULT ''"),
    "no_cache": "INTEGER NOT NULL DEFAULT 0",
}


class Database:
    """The record's database; where it cannot be read or written, this warns and goes on."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or paths.state_dir() / "record.sqlite3"

    def rows(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """The rows of one statement; none where the database cannot be used."""
        return self.transaction(lambda database: database.execute(statement, values).fetchall(), [])

    def transaction(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        """What `work` gives, all of whose statements are carried out, or none; `otherwise` where that failed."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._path.exists():  # for its owner only: it holds what was sent
                self._path.touch(mode=0o600)
            with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as database, database:
                database.row_factory = sqlite3.Row
                self._prepare(database)
                return work(database)
        except (sqlite3.Error, OSError, UnicodeError, ValueError, zlib.error) as error:
            warnings.warn(f"The local record {self._path} cannot be used: {error}", stacklevel=4)
            return otherwise

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Bring the tables to today's form, once."""
        if _version(database) < _VERSION:
            # SQLite's own lock does not cover the change of the journal's mode.
            with FileLock(f"{self._path}.lock", timeout=10):
                if _version(database) < _VERSION:
                    _upgrade(database)


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _upgrade(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN IMMEDIATE")
    for statement in _TABLES:
        database.execute(statement)
    present = {row["name"] for row in database.execute("PRAGMA table_info (starts)")}
    for column, kind in _ADDED.items():
        if column not in present:
            database.execute(f"ALTER TABLE starts ADD COLUMN {column} {kind}")
    database.execute(f"PRAGMA user_version = {_VERSION}")
    database.commit()
