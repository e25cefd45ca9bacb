"""The live card of a build: what its page is told, when, and how much."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipecat_nb.lifecycle import BuildHandle
from pipecat_nb.notebook.widgets import BuildCard
from pipecat_nb.notebook.widgets.card import LONGEST, MOST, TAIL

from ...conftest import wait_until
from ..test_card import built, handle


@pytest.fixture
def build() -> BuildHandle:
    return handle("building", **built("building", completed_at=None))


@pytest.fixture
def card(build: BuildHandle) -> Iterator[BuildCard]:
    card = BuildCard(build)
    yield card
    card.close()


def told(card: BuildCard, trait: str) -> list[dict[str, Any]]:
    """What the page is told of a trait from now on."""
    values: list[dict[str, Any]] = []
    card.observe(lambda change: values.append(change["new"]), trait)
    return values


def write(build: BuildHandle, lines: list[str]) -> None:
    build.transcript.take(lines)


def end(build: BuildHandle, status: str = "success") -> None:
    assert build.build is not None
    build.update(build.build.replace(status=status))


def test_the_state_is_all_that_the_card_says(card: BuildCard, build: BuildHandle) -> None:
    assert json.loads(json.dumps(card.get_state(["state", "log", "key"])))["key"] == card.model_id
    state = card.state
    assert (state["status"], state["mood"], state["title"], state["ticking"]) == (
        "building",
        "live",
        "agent",
        True,
    )
    assert [stage["name"] for stage in state["stages"]] == ["Packed", "Uploaded", "Queued", "Building"]
    end(build)
    assert (card.state["status"], card.state["ticking"], card.log["done"]) == ("success", False, True)


def test_time_alone_is_not_told(card: BuildCard) -> None:
    """The page counts by itself."""
    states = told(card, "state")
    elapsed = card.state["elapsed"]
    wait_until(lambda: card.handle.elapsed > elapsed + 0.01, "time to go on")
    card.refresh()
    assert states == []


def test_a_page_that_was_reloaded_hears_the_time(card: BuildCard) -> None:
    elapsed = card.state["elapsed"]
    wait_until(lambda: card.handle.elapsed > elapsed, "time to go on")
    card._answer(card, {"kind": "mounted"}, [])
    assert card.state["elapsed"] > elapsed
    assert card.seen


def test_each_update_has_all_lines_since_the_last(card: BuildCard, build: BuildHandle) -> None:
    lines: dict[int, str] = {}
    written: list[str] = []
    for count in (3, 1, 0, TAIL + 7, 200, MOST):
        written += [f"line {len(written) + number}" for number in range(count)]
        write(build, written)
        card.refresh()
        for number, line in enumerate(card.log["lines"], card.log["first"]):
            lines[number] = line
    assert [lines[number] for number in range(card.log["total"])] == written


def test_of_very_many_lines_the_last_are_told(card: BuildCard, build: BuildHandle) -> None:
    write(build, [str(number) for number in range(10_000)])
    card.refresh()
    assert card.log["first"] == 10_000 - MOST
    assert len(card.log["lines"]) == MOST
    # Who comes later needs no more than the end: the rest can be asked for.
    later = BuildCard(build)
    assert later.log["first"] == 10_000 - TAIL
    later.close()


def test_another_log_is_told_from_its_beginning(card: BuildCard, build: BuildHandle) -> None:
    write(build, [str(number) for number in range(100)])
    card.refresh()
    write(build, ["a", "b"])
    card.refresh()
    assert card.log == {**card.log, "generation": 2, "total": 2, "first": 0, "lines": ["a", "b"]}


def test_lines_are_cut_and_cleaned(card: BuildCard, build: BuildHandle) -> None:
    write(build, ["x" * 1_000_000, "\x1b[31mred\x1b[0m\x1b[2J\r\u202eevil"])
    card.refresh()
    assert len(card.log["lines"][0]) < LONGEST + 40
    assert card.log["lines"][1] == "\x1b[31mred\x1b[0mevil"


@pytest.mark.parametrize("asked", [{}, {"kind": "want", "first": -5, "last": 0}, {"kind": "other"}])
def test_what_is_no_question_has_no_answer(card: BuildCard, asked: dict[str, Any]) -> None:
    sent: list[object] = []
    card.send = sent.append  # type: ignore[method-assign,assignment]
    card._answer(card, asked, [])
    assert sent == []


def test_a_card_that_is_closed_follows_nothing(build: BuildHandle) -> None:
    card = BuildCard(build)
    assert build.lookers == 1
    card.close()
    assert build.lookers == 0
    assert card.state["gone"] == "No longer followed"
    states = told(card, "state")
    end(build)
    assert states == []


def test_two_cards_of_one_build_say_the_same(card: BuildCard, build: BuildHandle) -> None:
    other = BuildCard(build)
    end(build, "failed")
    assert card.state == other.state
    assert card.state["mood"] == "bad"
    other.close()
