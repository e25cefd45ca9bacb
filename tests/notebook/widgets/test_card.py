"""The live card of a build: what its page is told, when, and how much."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ipywidgets.widgets.widget import _instances

from pipecat_nb.errors import ConnectionFailed
from pipecat_nb.lifecycle import BuildHandle
from pipecat_nb.models import LogPage
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


def sent_by(card: BuildCard) -> list[dict[str, Any]]:
    """What the page is sent besides the traits from now on."""
    sent: list[dict[str, Any]] = []
    card.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]
    return sent


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


@pytest.mark.parametrize("more", [1, TAIL + 10, MOST + 10])
def test_a_line_that_was_read_half_is_told_whole(card: BuildCard, build: BuildHandle, more: int) -> None:
    sent = sent_by(card)
    lines = [f"line {number}" for number in range(100)]
    write(build, [*lines[:-1], "lin"])
    card.refresh()
    lines += [f"line {number}" for number in range(100, 100 + more)]
    write(build, lines)
    card.refresh()
    told = {99: card.log["lines"][99 - card.log["first"]]} if card.log["first"] <= 99 else {}
    told |= {piece["first"]: piece["lines"][0] for piece in sent}
    assert told == {99: "line 99"}


class Logs:
    """A service that gives a build's log look by look; None is a look that fails."""

    def __init__(self, *looks: tuple[str, ...] | None) -> None:
        self.looks = list(looks)
        self.target = handle("building")._client.target

    def build_logs(self, build_id: str, *, limit: int) -> LogPage:
        look = self.looks.pop(0)
        if look is None:
            raise ConnectionFailed("The service cannot be reached.", sent=True)
        return LogPage(lines=look)


def test_the_end_of_a_log_that_could_not_be_read_is_read_later(card: BuildCard, build: BuildHandle) -> None:
    build._client = Logs(("a",), None, ("a", "b", "c"))  # type: ignore[assignment]
    build.look_at_log()
    end(build)
    assert card.log["total"] == 1
    assert "could not be read" in card.log["notice"]
    card._answer(card, {"kind": "mounted"}, [])
    wait_until(lambda: card.log["total"] == 3, "the rest of the log")
    assert card.log["notice"] == ""


def test_an_empty_last_look_takes_nothing_away(card: BuildCard, build: BuildHandle) -> None:
    build._client = Logs(("STEP 1/1: RUN x", "error: no"), ())  # type: ignore[assignment]
    build.look_at_log()
    end(build, "failed")
    assert card.log["total"] == 2
    assert build.diagnosis is not None
    assert build.diagnosis.tail[-1] == "error: no"


def test_a_request_that_hangs_keeps_nobody_waiting(build: BuildHandle) -> None:
    asked, answered = threading.Event(), threading.Event()

    class Hanging(Logs):
        def build_logs(self, build_id: str, *, limit: int) -> LogPage:
            asked.set()
            answered.wait(60)
            return LogPage(lines=("a",))

    build._client = Hanging()  # type: ignore[assignment]
    reading = threading.Thread(target=build.read_log)
    reading.start()
    asked.wait(60)
    assert build.build is not None
    build.update(build.build.replace(region="eu-central"))
    assert build.region == "eu-central"
    answered.set()
    reading.join()


def test_closing_leaves_no_model_behind(build: BuildHandle) -> None:
    before = set(_instances)
    BuildCard(build).close()
    assert set(_instances) == before


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


def test_what_is_asked_for_is_answered(card: BuildCard, build: BuildHandle) -> None:
    lines = [str(number) for number in range(2500)]
    write(build, lines)
    sent = sent_by(card)
    card._answer(card, {"kind": "want", "first": 100, "last": 9999}, [])
    assert [line for piece in sent for line in piece["lines"]] == lines[100:]
    assert [piece["first"] for piece in sent] == [100, 1100, 2100]


@pytest.mark.parametrize("asked", [{}, {"kind": "want", "first": -5, "last": 0}, {"kind": "other"}])
def test_what_is_no_question_has_no_answer(card: BuildCard, build: BuildHandle, asked: dict[str, Any]) -> None:
    write(build, ["a line"])
    sent = sent_by(card)
    card._answer(card, asked, [])
    assert sent == []


def test_a_card_that_is_closed_follows_nothing(build: BuildHandle) -> None:
    card = BuildCard(build)
    assert build.viewers == 1
    card.close()
    assert build.viewers == 0
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
