"""Cards that move: what is sent to the front end, when, and from which thread."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from pipecat_nb.lifecycle import BuildHandle
from pipecat_nb.models import Build
from pipecat_nb.notebook.live import KEPT, Cards, Lines
from pipecat_nb.notebook.refresher import QUICKEST

from ..conftest import wait_until
from .test_card import built, handle


class Publisher:
    """A front end: what it was sent, and when."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, str, bool, str]] = []
        self.gone = False

    def publish(self, data: dict[str, str], *, transient: dict[str, Any], update: bool) -> None:
        if self.gone:
            raise OSError("the front end is gone")
        assert set(data) == {"text/html", "text/plain"}
        self.sent.append((time.monotonic(), transient["display_id"], update, data["text/plain"]))

    @property
    def last(self) -> str:
        return self.sent[-1][3]


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def cards(publisher: Publisher) -> Iterator[Cards]:
    cards = Cards(lambda: publisher, attended=lambda: False)  # type: ignore[arg-type,return-value]
    yield cards
    cards.close()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pipecat_nb")]


def end(build: BuildHandle, status: str = "success") -> None:
    assert build.build is not None
    build.update(build.build.replace(status=status))


def test_one_card_that_is_refreshed(cards: Cards, publisher: Publisher) -> None:
    build = handle("packing", pack_seconds=None)
    cards.show(build)
    assert "packing" in publisher.last
    build.status = "uploading"
    wait_until(lambda: "uploading" in publisher.last, "the card to be refreshed")
    assert [update for _, _, update, _ in publisher.sent].count(False) == 1
    assert len({display_id for _, display_id, _, _ in publisher.sent}) == 1


def test_many_changes_are_few_messages(cards: Cards, publisher: Publisher) -> None:
    build = handle("uploading")
    cards.show(build)
    deadline = time.monotonic() + 4 * QUICKEST
    while time.monotonic() < deadline:
        build.sent += 1000
        time.sleep(0.001)
    times = [when for when, _, update, _ in publisher.sent if update]
    assert 2 <= len(times) <= 6
    assert all(later - earlier > 0.8 * QUICKEST for earlier, later in pairwise(times))


def test_time_goes_on_without_any_change(cards: Cards, publisher: Publisher) -> None:
    cards.show(handle("building", **built("building", completed_at=None)))
    wait_until(lambda: len(publisher.sent) >= 2, "the seconds to be counted")


def test_the_end_is_shown_before_the_change_returns(cards: Cards, publisher: Publisher) -> None:
    build = handle("building", **built("building"))
    cards.show(build)
    end(build)
    assert publisher.last.startswith("✓  success")
    count = len(publisher.sent)
    wait_until(lambda: not threads(), "the refreshing thread to end")
    assert len(publisher.sent) == count


def test_what_has_changed_can_be_shown_at_once(cards: Cards, publisher: Publisher) -> None:
    build = handle("packing", pack_seconds=None)
    cards.show(build)
    for status in ("checking", "uploading", "creating", "pending"):
        build.status = status
        cards.flush()
        assert publisher.last.startswith(f"●  {status}")
    publisher.gone = True
    build.status = "building"
    cards.flush()


def test_a_problem_is_an_end(cards: Cards, publisher: Publisher) -> None:
    build = handle("packing", pack_seconds=None)
    cards.show(build)
    build.problem = "There is no such directory."
    assert "not started" in publisher.last


def test_a_build_shown_twice_ends_twice(cards: Cards, publisher: Publisher) -> None:
    build = handle("building", **built("building"))
    cards.show(build)
    cards.show(build)
    end(build, "failed")
    ends = {display_id for _, display_id, _, text in publisher.sent if "failed" in text}
    assert len(ends) == 2


def test_what_has_ended_is_shown_once_and_not_watched(cards: Cards, publisher: Publisher) -> None:
    cards.show(handle("success", **built("success")))
    assert len(publisher.sent) == 1
    assert not threads()


def test_a_front_end_that_is_gone_does_no_harm(cards: Cards, publisher: Publisher) -> None:
    build = handle("building", **built("building"))
    cards.show(build)
    publisher.gone = True
    end(build)
    assert build.final


def test_closing_ends_the_thread(cards: Cards, publisher: Publisher) -> None:
    build = handle("building", **built("building"))
    cards.show(build)
    cards.close()
    assert not threads()
    count = len(publisher.sent)
    end(build)
    assert len(publisher.sent) == count


def test_lines_in_a_terminal() -> None:
    lines: list[str] = []
    screen = Lines(lines.append)
    build = handle("packing", pack_seconds=None)
    screen.show(build)
    build.status = "uploading"
    build.sent = 5
    build.build = built("building")["build"]
    build.status = "building"
    end(build)
    assert [line.split()[1] for line in lines] == ["packing", "uploading", "building", "success"]
    assert "Built" in lines[-1]
    screen.show(build)
    assert lines[-1] == lines[-2]


def test_a_build_that_ends_while_it_is_shown_has_its_last_line() -> None:
    lines: list[str] = []
    build = handle("building", **built("building"))

    def write(line: str) -> None:
        lines.append(line)
        if len(lines) == 1:
            end(build)

    screen = Lines(write)
    screen.show(build)
    assert [line.split()[1] for line in lines] == ["building", "success"]

    build = handle("building", **built("building"))
    observe = build.observe

    def observe_late(*arguments: Any) -> None:
        end(build)
        observe(*arguments)

    build.observe = observe_late  # type: ignore[method-assign]
    screen.show(build)
    assert lines[-1].startswith("✓  success")
    assert "Built" in lines[-1]


def test_a_build_shown_twice_in_a_terminal_ends_once() -> None:
    lines: list[str] = []
    screen = Lines(lines.append)
    build = handle("building", **built("building"))
    screen.show(build)
    screen.show(build)
    end(build)
    assert [line.split()[1] for line in lines] == ["building", "building", "success"]


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("I/O operation on closed file.")])
def test_a_terminal_that_is_gone_does_no_harm(error: Exception) -> None:
    def write(line: str) -> None:
        raise error

    screen = Lines(write)
    build = handle("building", **built("building"))
    screen.show(build)
    end(build)
    assert build.final
    screen.show(build)


def test_a_terminal_that_is_no_more_watched_is_left_alone() -> None:
    lines: list[str] = []
    screen = Lines(lines.append)
    build = handle("building", **built("building"))
    screen.show(build)
    screen.close()
    end(build)
    assert len(lines) == 1


def test_a_build_that_ends_while_its_card_is_shown(cards: Cards, publisher: Publisher) -> None:
    build = handle("building", **built("building", completed_at=None))
    publish = publisher.publish

    def publish_late(*arguments: Any, **options: Any) -> None:
        publish(*arguments, **options)
        end(build)

    publisher.publish = publish_late  # type: ignore[method-assign]
    cards.show(build)
    assert publisher.last.startswith("✓  success")


def test_whoever_knows_that_a_build_has_ended_knows_how(cards: Cards, publisher: Publisher) -> None:
    """A card that is shown in the very moment of the end, by another thread."""
    build = handle("building", **built("building", completed_at=None))
    shown = []

    class Read(Build):
        """Looks, while it is taken over trait by trait, whether the handle says already that it has ended."""

        def __getattribute__(self, name: str) -> Any:
            if name == "image_uri" and build.final and not shown:
                shown.append(name)
                cards.show(build)
            return super().__getattribute__(name)

    assert build.build is not None
    build.update(Read(**{**vars(build.build), "status": "failed"}))
    if not shown:
        cards.show(build)
    assert publisher.last.startswith("✕  failed")


def test_a_view_that_raises_does_not_keep_others_from_being_refreshed(cards: Cards, publisher: Publisher) -> None:
    builds = [handle("building", **built("building", completed_at=None)) for _ in range(2)]
    for build in builds:
        cards.show(build)

    class Broken:
        handle = builds[0]

        def refresh(self) -> None:
            raise ZeroDivisionError

    cards._refresher._views.insert(0, Broken())
    cards.flush()
    for build in builds:
        end(build)
    assert [text.split()[1] for _, _, _, text in publisher.sent[-2:]] == ["success", "success"]


def test_so_many_live_cards_are_kept() -> None:
    publisher = Publisher()
    cards = Cards(lambda: publisher, attended=lambda: True)  # type: ignore[arg-type,return-value]
    builds = [handle("success", **built("success")) for _ in range(KEPT + 3)]
    for build in builds:
        cards.show(build)
    alive = [build for build in builds if build in cards._live]
    assert alive == builds[2:]
    # What somebody has closed is made again.
    cards._live[builds[-1]].close()
    cards.show(builds[-1])
    assert cards._live[builds[-1]].comm is not None
    cards.close()
