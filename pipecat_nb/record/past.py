"""The builds that the service has listed before: those that have ended never change, and need not come again."""

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipecat_nb.models import FINAL_STATUSES, ended, parse_time
from pipecat_nb.record.database import Database

#: What a list of builds was narrowed by, under the service's names.
Filters = Mapping[str, str]

#: the service's name of a filter -> the column that is compared
_COLUMNS = {"status": "status", "region": "region", "contextHash": "context_hash"}

#: A build as it is kept: its id, whether it has ended, the service's JSON, and what filters compare.
Row = tuple[str | bool | None, ...]

_ENCODER = json.JSONEncoder(separators=(",", ":"))

_KEEP = """
    INSERT INTO past (target, id, final, build, status, region, context_hash) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (target, id) DO UPDATE SET final = excluded.final, status = excluded.status,
    region = excluded.region, context_hash = excluded.context_hash, build = excluded.build
    WHERE NOT past.final OR excluded.final
"""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What is kept of a list: the places that are covered, counted from its oldest build; when it was whole."""

    covered: tuple[tuple[int, int], ...] = ()
    complete_at: datetime | None = None


class Past:
    """The kept builds of one place to build at; each is kept as the JSON object that the service sent."""

    def __init__(self, database: Database, target: str) -> None:
        self._database = database
        self._target = target

    def builds(self, filters: Filters) -> list[dict[str, Any]]:
        """The kept builds that match, those that have not ended among them."""
        conditions = "".join(f" AND {_COLUMNS[name]} = :{name}" for name in filters)
        # One text of all of them is read much faster than ten thousand.
        query = f"SELECT '[' || group_concat(build) || ']' AS builds FROM past WHERE target = :target{conditions}"
        for row in self._database.rows(query, {"target": self._target, **filters}):
            with contextlib.suppress(ValueError):  # somebody's hand was in it: then all comes anew
                return list(json.loads(row["builds"] or "[]"))
        return []

    def listed(self, filters: Filters) -> Listed:
        """What is kept of the list that was narrowed by these filters."""
        query = "SELECT covered, complete_at FROM listings WHERE target = :target AND filters = :filters"
        for row in self._database.rows(query, {"target": self._target, "filters": _name(filters)}):
            with contextlib.suppress(ValueError, TypeError):
                covered = tuple((int(begin), int(end)) for begin, end in json.loads(row["covered"]))
                return Listed(covered=covered, complete_at=parse_time(row["complete_at"]))
        return Listed()

    def statuses(self) -> list[str]:
        """The statuses that builds were seen with."""
        return self._distinct("status")

    def regions(self) -> list[str]:
        """The regions that builds were seen in."""
        return self._distinct("region")

    def keep(
        self,
        rows: Iterable[Row],
        *,
        filters: Filters,
        listed: Listed,
        forget: Collection[str] = (),
    ) -> None:
        """Keep builds (as `row` makes them) and what is known of their list; forget these ids. All or nothing."""
        targeted = [(self._target, *each) for each in rows]
        complete_at = None if listed.complete_at is None else listed.complete_at.isoformat()
        values = {
            "target": self._target,
            "filters": _name(filters),
            "covered": json.dumps(listed.covered),
            "complete_at": complete_at,
        }

        def write(database: sqlite3.Connection) -> None:
            database.executemany(_KEEP, targeted)
            gone = [(self._target, build_id) for build_id in forget]
            database.executemany("DELETE FROM past WHERE target = ? AND id = ?", gone)
            database.execute(
                "INSERT OR REPLACE INTO listings VALUES (:target, :filters, :covered, :complete_at)", values
            )

        self._database.transaction(write, None)

    def _distinct(self, column: str) -> list[str]:
        query = f"SELECT DISTINCT {column} FROM past WHERE target = :target AND {column} IS NOT NULL ORDER BY 1"
        return [row[column] for row in self._database.rows(query, {"target": self._target})]


def has_ended(build: Mapping[str, Any]) -> bool:
    """Whether the service's JSON object is of a build that has ended."""
    status = str(build.get("status") or "")
    # First what needs no time to be read: there are thousands of them.
    return status in FINAL_STATUSES or ended(status, parse_time(build.get("completedAt")))


def row(build: Mapping[str, Any]) -> Row:
    """A build as it is kept."""
    # Escapes only: a text with half a character in it is JSON, but no text to SQLite.
    text = _ENCODER.encode(build)
    return _text(build.get("id")), has_ended(build), text, *(_text(build.get(name)) for name in _COLUMNS)


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.isascii()):
        return value
    return str(value).encode("utf-8", "backslashreplace").decode()


def _name(filters: Filters) -> str:
    return json.dumps(dict(filters), sort_keys=True)
