"""The local record: what is kept, and that losing it stops nothing."""

import subprocess
from pathlib import Path

import pytest

from pipecat_nb.record import Commit, Record, Start, commit_of


def start(build_id: str, *, cached: bool = False, note: str = "") -> Start:
    return Start(id=build_id, cached=cached, directory="/agent", name="agent", note=note, files=3, pack_time=0.5)


def test_starts_come_back_latest_first(tmp_path: Path) -> None:
    record = Record("here", path=tmp_path / "record.sqlite3")
    for build_id in ("a", "b", "a"):
        record.add(start(build_id))
    assert record.recent() == ["a", "b"]
    assert Record("elsewhere", path=tmp_path / "record.sqlite3").recent() == []


def test_the_columns_are_of_the_start_that_made_the_build_and_the_last_note(tmp_path: Path) -> None:
    record = Record("here", path=tmp_path / "record.sqlite3")
    record.add(start("a", cached=True, note="met in the cache"))
    record.add(start("a", note="made"))
    columns = record.columns()["a"]
    assert (columns["note"], columns["cached"], columns["files"]) == ("made", True, 3)
    record.add(start("a", cached=True, note="met again"))
    record.add(start("a", cached=True))
    assert record.columns()["a"]["note"] == "met again"
    record.add(start("b"))
    assert record.columns()["b"]["cached"] is False
    assert columns["pack_time"] == 0.5
    assert record.start_of("a")["files"] == 3
    assert record.start_of("unknown") == {}


def test_a_directory_whose_name_is_no_text(tmp_path: Path) -> None:
    record = Record("here", path=tmp_path / "record.sqlite3")
    record.add(Start(id="a", cached=False, directory="/caf\udce9", name="caf\udce9"))
    assert record.start_of("a")["name"] == "caf\\udce9"


def test_a_damaged_record_warns_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    record = Record("here", path=path)
    with pytest.warns(UserWarning, match="cannot be used"):
        record.add(start("a"))
    with pytest.warns(UserWarning, match="cannot be used"):
        assert record.recent() == []


def test_the_commit_of_a_directory(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == Commit()

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=e@x")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    (tmp_path / "bot.py").write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert commit_of(tmp_path) == Commit(git_commit=git("rev-parse", "HEAD"), git_branch="main", git_dirty=False)
    (tmp_path / "bot.py").write_text("2")
    assert commit_of(tmp_path).git_dirty is True


def test_the_start_that_made_a_build_and_the_one_before_it(tmp_path: Path) -> None:
    record = Record("here", path=tmp_path / "record.sqlite3")
    elsewhere = Record("elsewhere", path=tmp_path / "record.sqlite3")
    record.add(start("a"))
    elsewhere.add(start("x"))
    record.add(Start(id="other", cached=False, directory="/other"))
    record.add(start("a", cached=True, note="met"))
    record.add(start("b", note="made"))
    made = record.made("b")
    assert made is not None
    assert (made.id, made.note, made.cached) == ("b", "made", False)
    before = record.before(made)
    assert before is not None
    assert (before.id, before.note) == ("a", "met")
    first = record.made("a")
    assert first is not None
    assert (first.cached, record.before(first)) == (False, None)
    assert record.made("x") is None
