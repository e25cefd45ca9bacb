"""A log put together from looks at it, whichever part a look shows."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.logs import Transcript

Look = Callable[[list[str], int], tuple[str, ...]]

FIRST: Look = lambda lines, limit: tuple(lines[:limit])  # noqa: E731
LAST: Look = lambda lines, limit: tuple(lines[-limit:])  # noqa: E731


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


@pytest.mark.parametrize("late", [(), ("a",), ("a", "b")])
def test_an_answer_that_is_late_changes_nothing(late: tuple[str, ...]) -> None:
    transcript = Transcript(limit=100)
    transcript.take(("a", "b", "c"))
    transcript.take(late)
    assert transcript.lines == ["a", "b", "c"]
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


def test_an_empty_line_is_no_beginning_of_any() -> None:
    transcript = Transcript(limit=3)
    transcript.take(("a", "b", ""))
    transcript.take(("x", "y", "z"))
    assert transcript.lines == ["a", "b", "", "x", "y", "z"]
    assert transcript.lost == [3]


def test_a_service_that_gives_fewer_lines_than_were_asked_for() -> None:
    transcript, written = Transcript(limit=10_000), [f"line {number}" for number in range(3000)]
    transcript.take(tuple(written[:1000]))
    transcript.take(tuple(written[-1000:]))
    assert transcript.lines == written[:1000] + written[-1000:]
    assert transcript.generation == 1
    assert "before line 1,001" in transcript.notice


@given(st.lists(st.sampled_from("ab"), min_size=1), st.lists(st.sampled_from("ab")), st.integers(1, 6))
def test_of_lines_that_repeat_as_many_as_can_be_are_known(before: list[str], more: list[str], limit: int) -> None:
    """The last lines of a log that grew: what is known is its longest common part with them."""
    transcript = Transcript(limit=limit)
    transcript.take(before[-limit:])
    page = [*before, *more][-limit:]
    transcript.take(page)
    assert transcript.lines[-len(page) :] == page
    assert len(transcript.lines) <= len(before) + len(page)
