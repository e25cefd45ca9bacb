"""A log put together from looks at it, whichever part a look shows."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.logs import Transcript

Look = Callable[[list[str], int], list[str]]

FIRST: Look = lambda lines, limit: lines[:limit]  # noqa: E731
LAST: Look = lambda lines, limit: lines[-limit:]  # noqa: E731


@given(st.lists(st.integers(0, 7), max_size=12), st.sampled_from([FIRST, LAST]))
def test_each_line_once_and_in_order(growth: list[int], look: Look) -> None:
    """Whether the service gives the first or the last lines: while looks overlap, nothing is lost or twice."""
    transcript, written = Transcript(limit=8), list[str]()
    for count in growth:
        written += [f"line {len(written) + number}" for number in range(count)]
        transcript.take(look(written, 8), more=len(written) > 8)
    seen = written[:8] if look is FIRST else written
    assert transcript.lines == seen
    assert (transcript.generation, transcript.lost) == (1, [])
    assert bool(transcript.notice) == (len(written) > len(seen))


def test_what_was_lost_between_two_looks_is_said() -> None:
    transcript = Transcript(limit=3)
    transcript.take(["a", "b", "c"])
    transcript.take(["x", "y", "z"], more=True)
    assert transcript.lines == ["a", "b", "c", "x", "y", "z"]
    assert transcript.notice.startswith("Lines may be missing before line 4: ")


def test_a_line_that_was_read_half() -> None:
    transcript = Transcript(limit=100)
    transcript.take(["Collecting"])
    transcript.take(["Collecting pipecat", "Downloading"])
    transcript.take(["Collecting pipecat", "Downloading 4 MB", "Installing"])
    assert transcript.lines == ["Collecting pipecat", "Downloading 4 MB", "Installing"]


@pytest.mark.parametrize("late", [[], ["a"], ["a", "b"]])
def test_an_answer_that_is_late_changes_nothing(late: list[str]) -> None:
    transcript = Transcript(limit=100)
    transcript.take(["a", "b", "c"])
    transcript.take(late)
    transcript.take(["a", "b", "c", "d"])
    assert transcript.lines == ["a", "b", "c", "d"]
    assert transcript.notice == ""


def test_another_log_is_taken_for_another() -> None:
    transcript = Transcript(limit=100)
    transcript.take(["a", "b"])
    transcript.take(["x"])
    assert transcript.lines == ["x"]
    assert transcript.generation == 2


def test_lines_that_are_all_the_same() -> None:
    transcript = Transcript(limit=100)
    for count in (2, 5, 5, 9):
        transcript.take(["."] * count)
    assert transcript.lines == ["."] * 9
