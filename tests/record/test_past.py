"""The kept builds: what comes back, for whom, and that it is written as a whole."""

import sqlite3
import stat
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipecat_nb.record import Listed, Record, Start
from pipecat_nb.record.past import Past, has_ended, row

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ODD = {"id": "odd", "status": ["x"], "region": "caf\udce9", "contextSizeBytes": "12", "new": {"a": [None, 1.5]}}


def past(path: Path, target: str = "here") -> Past:
    return Record(target, path=path / "record.sqlite3").past


def build(name: str, status: str = "success", **others: Any) -> dict[str, Any]:
    return {"id": name, "status": status, **others}


def keep(kept: Past, *builds: dict[str, Any], **options: Any) -> None:
    kept.keep(map(row, builds), **{"filters": {}, "listed": Listed(), **options})


def test_builds_come_back_as_they_were_sent_and_by_filter(tmp_path: Path) -> None:
    kept = past(tmp_path)
    assert kept.builds({}) == []
    a, b = build("a", region="us-west", contextHash="h"), build("b", "failed", region="us-east")
    keep(kept, a, b, ODD)
    assert kept.builds({}) == [a, b, ODD]
    assert kept.builds({"status": "failed"}) == [b]
    assert kept.builds({"region": "us-west", "contextHash": "h"}) == [a]
    assert past(tmp_path, "elsewhere").builds({}) == []
    assert kept.statuses() == ["['x']", "failed", "success"]
    assert kept.regions() == ["caf\\udce9", "us-east", "us-west"]


def test_what_is_known_of_a_list(tmp_path: Path) -> None:
    kept = past(tmp_path)
    assert kept.listed({}) == Listed()
    whole = Listed(covered=((0, 3), (7, 9)), complete_at=NOW)
    keep(kept, listed=whole)
    keep(kept, filters={"status": "failed", "region": "r"}, listed=Listed(covered=((0, 1),)))
    assert kept.listed({}) == whole
    assert kept.listed({"region": "r", "status": "failed"}) == Listed(covered=((0, 1),))
    assert kept.listed({"region": "r"}) == Listed()


def test_what_has_ended_is_not_taken_back(tmp_path: Path) -> None:
    kept = past(tmp_path)
    keep(kept, build("a", "building"))
    keep(kept, build("a"))
    keep(kept, build("a", "building"))
    assert kept.builds({}) == [build("a")]
    keep(kept, build("b"), forget=["a"])
    assert kept.builds({}) == [build("b")]


def test_all_is_written_or_nothing(tmp_path: Path) -> None:
    kept = past(tmp_path)
    keep(kept, build("a"))
    with pytest.warns(UserWarning, match="cannot be used"):
        kept.keep(
            [row(build("b")), (*row(build("c"))[:2], *[None] * 4)], filters={}, listed=Listed(), forget=["a"]
        )
    assert kept.builds({}) == [build("a")]


def test_a_damaged_row_is_as_good_as_none(tmp_path: Path) -> None:
    kept = past(tmp_path)
    keep(kept, build("a"), listed=Listed(covered=((0, 1),)))
    with closing(sqlite3.connect(tmp_path / "record.sqlite3")) as database, database:
        database.execute("UPDATE past SET build = '{'")
        database.execute("UPDATE listings SET covered = '[1'")
    assert kept.builds({}) == []
    assert kept.listed({}) == Listed()


def test_a_record_of_the_first_form_gets_the_new_tables(tmp_path: Path) -> None:
    record = Record("here", path=tmp_path / "record.sqlite3")
    record.add(Start(id="a", cached=False, directory="/agent"))
    with closing(sqlite3.connect(tmp_path / "record.sqlite3")) as database, database:
        database.execute("DROP TABLE past")
        database.execute("DROP TABLE listings")
        database.execute("PRAGMA user_version = 1")
    keep(record.past, build("a"))
    assert record.past.builds({}) == [build("a")]
    assert record.recent() == ["a"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    keep(past(tmp_path), build("a"))
    assert stat.S_IMODE((tmp_path / "record.sqlite3").stat().st_mode) == 0o600


def test_the_end_of_a_build() -> None:
    assert has_ended(build("a", "timeout"))
    assert has_ended(build("a", "cancelled", completedAt="2026-03-01T12:00:00Z"))
    for status in ("pending", "building", "cancelled", None):
        assert not has_ended({"id": "a", "status": status})
    assert not has_ended(build("a", "building", completedAt="2026-03-01T12:00:00Z"))


def test_the_builds_of_a_directory(tmp_path: Path) -> None:
    record = Record("here", path=tmp_path / "record.sqlite3")
    for name, directory in (("a", "/agent"), ("b", "/other"), ("a", "/other")):
        record.add(Start(id=name, cached=False, directory=directory))
    assert record.built_from("/agent") == {"a"}
    assert record.built_from("/other") == {"a", "b"}
    assert record.built_from("/") == set()
