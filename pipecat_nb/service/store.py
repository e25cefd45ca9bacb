"""What the service knows, in SQLite: uploads and builds. A build changes its status by compare-and-set only."""

import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipecat_nb.models import BUILDING, PENDING, SUCCESS, Build, format_time, parse_time

_SCHEMA = """
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY,
    region TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    context_md5 TEXT,
    context_size INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS builds (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    region TEXT NOT NULL,
    dockerfile_path TEXT NOT NULL,
    context_hash TEXT NOT NULL,
    context_md5 TEXT NOT NULL,
    context_size INTEGER NOT NULL,
    image_uri TEXT,
    image_size INTEGER,
    error_message TEXT,
    build_seconds INTEGER,
    created_at TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    updated_at TEXT NOT NULL,
    organization_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS builds_by_status ON builds (status, number);
CREATE INDEX IF NOT EXISTS builds_by_context ON builds (context_hash, region, status);
"""

_TIMES = ("created_at", "started_at", "completed_at", "updated_at")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A permission to upload, and what came of it: MD5 (hex) and size in bytes, None as long as nothing came."""

    id: str
    region: str
    context_md5: str | None
    context_size: int | None


class Store:
    """The database of one service; every method may be called from any thread and has happened when it returns."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # An accepted build is on the disk before it is answered, also when the power fails.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def add_upload(self, upload_id: str, *, region: str, issued_at: datetime) -> None:
        """Remember that an upload was permitted."""
        self._change(
            "INSERT INTO uploads (id, region, issued_at) VALUES (?, ?, ?)",
            (upload_id, region, format_time(issued_at)),
        )

    def finish_upload(self, upload_id: str, *, md5: str, size: int) -> bool:
        """Remember what was uploaded; false for an upload that is not known."""
        statement = "UPDATE uploads SET context_md5 = ?, context_size = ? WHERE id = ?"
        return self._change(statement, (md5, size, upload_id)) == 1

    def upload(self, upload_id: str) -> Upload | None:
        """The upload of this id."""
        statement = "SELECT id, region, context_md5, context_size FROM uploads WHERE id = ?"
        rows = self._rows(statement, (upload_id,))
        return Upload(**dict(rows[0])) if rows else None

    def forget_uploads(self, *, before: datetime) -> None:
        """Forget the uploads that were permitted before a time."""
        self._change("DELETE FROM uploads WHERE issued_at < ?", (format_time(before),))

    def contexts_in_use(self) -> set[str]:
        """The MD5s of contexts that a known upload or a build that has not ended still needs."""
        statement = (
            "SELECT context_md5 FROM uploads WHERE context_md5 IS NOT NULL"
            " UNION SELECT context_md5 FROM builds WHERE status IN (?, ?)"
        )
        return {row["context_md5"] for row in self._rows(statement, (PENDING, BUILDING))}

    def add_build(self, build: Build, *, context_md5: str) -> None:
        """Remember a new build."""
        columns = _columns(
            id=build.id,
            status=build.status,
            region=build.region,
            dockerfile_path=build.dockerfile_path,
            context_hash=build.context_hash,
            context_md5=context_md5,
            context_size=build.context_size,
            created_at=build.created_at,
            updated_at=build.updated_at,
            organization_id=build.organization_id,
        )
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self._change(f"INSERT INTO builds ({names}) VALUES ({marks})", tuple(columns.values()))

    def change_build(self, build_id: str, *, expected: str, **changes: Any) -> bool:
        """Change attributes of a build whose status is still the expected one; false if it is not."""
        columns = _columns(**changes)
        settings = ", ".join(f"{name} = ?" for name in columns)
        statement = f"UPDATE builds SET {settings} WHERE id = ? AND status = ?"
        return self._change(statement, (*columns.values(), build_id, expected)) == 1

    def build(self, build_id: str) -> Build | None:
        """The build of this id."""
        rows = self._rows("SELECT * FROM builds WHERE id = ?", (build_id,))
        return _build(rows[0]) if rows else None

    def context_md5(self, build_id: str) -> str:
        """The MD5 of the context of a build that exists."""
        return str(self._rows("SELECT context_md5 FROM builds WHERE id = ?", (build_id,))[0]["context_md5"])

    def builds(
        self,
        *,
        status: str | None = None,
        region: str | None = None,
        context_hash: str | None = None,
        images: Collection[str] | None = None,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[Build], int]:
        """One page of the builds, newest first, and how many there are in all; of all images, or of these only."""
        wanted = {"status": status, "region": region, "context_hash": context_hash}
        columns = {name: value for name, value in wanted.items() if value is not None}
        conditions = [f"{name} = ?" for name in columns]
        values = tuple(columns.values())
        if images is not None:
            conditions.append(f"image_uri IN ({', '.join('?' for _ in images)})")
            values += tuple(images)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        page = f"SELECT * FROM builds {where} ORDER BY number DESC LIMIT ? OFFSET ?"
        rows = self._rows(page, (*values, limit, offset))
        total = self._rows(f"SELECT count(*) AS total FROM builds {where}", values)[0]["total"]
        return [_build(row) for row in rows], int(total)

    def latest_success(self, *, context_hash: str, region: str, dockerfile_path: str) -> Build | None:
        """The newest successful build of the same context, region and Dockerfile."""
        statement = (
            "SELECT * FROM builds WHERE context_hash = ? AND region = ? AND status = ? AND dockerfile_path = ?"
            " ORDER BY number DESC LIMIT 1"
        )
        rows = self._rows(statement, (context_hash, region, SUCCESS, dockerfile_path))
        return _build(rows[0]) if rows else None

    def images(self, *, context_hash: str) -> list[str]:
        """The names of all images that were built of a context."""
        statement = "SELECT DISTINCT image_uri FROM builds WHERE context_hash = ? AND image_uri IS NOT NULL"
        return [row["image_uri"] for row in self._rows(statement, (context_hash,))]

    def with_status(self, status: str) -> list[Build]:
        """All builds of one status, oldest first."""
        rows = self._rows("SELECT * FROM builds WHERE status = ? ORDER BY number", (status,))
        return [_build(row) for row in rows]

    def unfinished(self) -> bool:
        """Whether a build waits or runs."""
        return bool(self._rows("SELECT 1 FROM builds WHERE status IN (?, ?) LIMIT 1", (PENDING, BUILDING)))

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def _change(self, statement: str, values: tuple[Any, ...]) -> int:
        with self._lock, self._transaction():
            return self._connection.execute(statement, values).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield


def _columns(**attributes: Any) -> Mapping[str, Any]:
    return {name: format_time(value) if name in _TIMES else value for name, value in attributes.items()}


def _build(row: sqlite3.Row) -> Build:
    values: dict[str, Any] = {}
    for name in row.keys():  # noqa: SIM118  a row iterates over its values
        if name not in ("number", "context_md5"):
            values[name] = parse_time(row[name]) if name in _TIMES else row[name]
    return Build(**values)
