"""Logs written line by line, and read from the end."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.service.logs import CUT, LAST_LINES, LogWriter, last_lines

_CHARACTERS = st.characters(exclude_characters="\n", exclude_categories=["Cs"])
_LINES = st.lists(st.text(_CHARACTERS, max_size=200), max_size=50)


@given(_LINES, st.integers(1, 60))
def test_the_last_lines_come_back(tmp_path_factory: pytest.TempPathFactory, lines: list[str], limit: int) -> None:
    file = tmp_path_factory.mktemp("logs") / "log"
    with LogWriter(file) as log:
        for line in lines:
            log.write(line)
    assert last_lines(file, limit=limit) == lines[-limit:]


def test_long_logs_are_read_across_blocks(tmp_path: Path) -> None:
    lines = [f"{number} " + "x" * (number % 977) for number in range(3000)]
    with LogWriter(tmp_path / "log") as log:
        for line in lines:
            log.write(line)
    for limit in (1, 2, 700, 2999, 3000, 10000):
        assert last_lines(tmp_path / "log", limit=limit) == lines[-limit:]


def test_lines_can_be_read_while_the_log_is_written(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "log") as log:
        log.write("first")
        assert last_lines(tmp_path / "log", limit=5) == ["first"]
        with (tmp_path / "log").open("ab") as other:
            other.write(b"not yet wh")
        assert last_lines(tmp_path / "log", limit=5) == ["first"]


def test_a_log_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "log", limit=5) == []


def test_a_log_that_is_too_long_is_cut_and_keeps_its_end(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "log", limit=100) as log:
        for number in range(1000):
            log.write(f"line {number}")
        assert last_lines(tmp_path / "log", limit=1) == [CUT], "nothing more while it is written"
    lines = last_lines(tmp_path / "log", limit=10_000)
    begin = lines.index(CUT)
    assert lines[:begin] == [f"line {number}" for number in range(begin)]
    assert 10 < begin < 15
    assert lines[begin + 1 :] == [f"line {number}" for number in range(1000 - LAST_LINES, 1000)]
    with LogWriter(tmp_path / "log", limit=100) as log:
        log.write("ERROR: the last word")
    assert last_lines(tmp_path / "log", limit=1) == ["ERROR: the last word"]


def test_no_more_bytes_are_read_than_asked_for(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "log") as log:
        for number in range(200):
            log.write(f"{number:03}" + "x" * 996)
    lines = last_lines(tmp_path / "log", limit=10_000, max_bytes=100_500)
    assert [line[:3] for line in lines] == [f"{number:03}" for number in range(100, 200)]
