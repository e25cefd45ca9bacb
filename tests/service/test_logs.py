"""Logs written line by line, and read from the end."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.service.logs import LogWriter, last_lines

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
