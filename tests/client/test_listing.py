"""Lists by pages, four at a time: nothing twice and nothing left out, whatever happens meanwhile."""

import random
import threading
from collections.abc import Callable, Collection
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipecat_nb.client import Client
from pipecat_nb.client.listing import Listing, Page, together
from pipecat_nb.errors import ServerError

from ..scripted import Answer, Scripted


class Service:
    """Builds, newest first, of which more are created before each answer as a script says."""

    def __init__(self, count: int, *, created: Callable[[], int] = lambda: 0, most: int = 100) -> None:
        self.builds = [str(number) for number in reversed(range(count))]
        self.asked: list[int] = []
        self._created = created
        self._most = most
        self._lock = threading.Lock()

    def create(self, count: int = 1) -> None:
        for _ in range(count):
            self.builds.insert(0, str(len(self.builds)))

    def __call__(self, *, offset: int, stop: threading.Event | None = None) -> Page:
        with self._lock:
            self.asked.append(offset)
            page = self.builds[offset : offset + self._most]
            answer = Page(rows=[{"id": name} for name in page], total=len(self.builds), offset=offset)
            self.create(self._created())
            return answer


def listed(service: Any, **options: Any) -> Listing:
    listing = Listing(service, **options)
    listing.run()
    return listing


def test_all_pages_are_asked_for_once() -> None:
    service = Service(1050)
    listing = listed(service)
    assert set(listing.rows) == set(service.builds)
    assert sorted(service.asked) == list(range(0, 1050, 100))
    assert (listing.covered, listing.whole, listing.trusted) == (((0, 1050),), True, True)


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101])
def test_few_builds(count: int) -> None:
    service = Service(count)
    assert set(listed(service).rows) == set(service.builds)
    assert len(service.asked) == (1 if count <= 100 else 2)


@settings(deadline=None)  # threads wait for their turn where the machine is busy
@given(st.integers(0, 700), st.integers(0, 2**32))
def test_builds_created_meanwhile_leave_no_gap(count: int, seed: int) -> None:
    chance = random.Random(seed)
    service = Service(count, created=lambda: chance.choice((0, 0, 1, 3)))
    before = set(service.builds)
    listing = listed(service)
    assert before <= set(listing.rows) <= set(service.builds)


def test_creating_that_goes_on_for_ever_is_not_run_after() -> None:
    service = Service(350, created=lambda: 1)
    before = set(service.builds)
    assert before <= set(listed(service).rows)
    assert len(service.asked) < 40


@settings(deadline=None)  # threads wait for their turn where the machine is busy
@given(st.integers(1, 400), st.integers(0, 250), st.integers(0, 300), st.integers(0, 2**32))
def test_what_is_known_is_not_asked_for_again(known: int, created: int, gone: int, seed: int) -> None:
    """However many were created or have gone since, and wherever: the list is the service's."""
    service = Service(known)
    kept = list(service.builds)
    chance = random.Random(seed)
    oldest = chance.random() < 0.5
    for _ in range(min(gone, known)):
        service.builds.pop(-1 if oldest else chance.randrange(len(service.builds)))
    service.builds = [f"new {number}" for number in reversed(range(created))] + service.builds
    listing = listed(service, known=kept, covered=((0, known),))
    found = set(listing.rows) | (set(kept) if listing.trusted else set())
    assert found == set(service.builds)


def test_nothing_new_takes_one_request_and_what_is_new_its_pages() -> None:
    service = Service(10_000)
    kept = list(service.builds)
    for created, requests in ((0, 1), (99, 1), (1, 2), (150, 3)):
        service.create(created)
        service.asked.clear()
        listing = listed(service, known=kept, covered=((0, 10_000),))
        assert set(listing.rows) | set(kept) == set(service.builds)
        assert len(service.asked) == requests


def test_what_an_interruption_kept_is_not_asked_for_again() -> None:
    service = Service(1000)
    some = service.builds[:400]
    service.create(30)
    listing = listed(service, known=some, covered=((600, 1000),))
    assert set(listing.rows) | set(some) == set(service.builds)
    assert len(service.asked) == 1 + 6


def test_only_the_newest_are_asked_for() -> None:
    service = Service(1000)
    assert set(listed(service, most=150).rows) >= set(service.builds[:150])
    assert service.asked == [0, 100]
    service.asked.clear()
    listing = listed(service, enough=lambda page: "850" in [row["id"] for row in page.rows])
    assert set(listing.rows) >= set(service.builds[:150])
    assert len(service.asked) < 8
    assert not listing.whole


def test_a_service_with_smaller_pages() -> None:
    service = Service(330, most=50)
    assert set(listed(service).rows) == set(service.builds)
    assert len(service.asked) == 7


def test_a_service_that_tells_no_total() -> None:
    class Silent(Service):
        def __call__(self, *, offset: int, stop: threading.Event | None = None) -> Page:
            page = super().__call__(offset=offset)
            return Page(rows=page.rows, total=None, offset=offset)

    service = Silent(250)
    assert set(listed(service).rows) == set(service.builds)
    assert service.asked == [0, 100, 200]


def test_a_service_that_knows_no_offsets_or_miscounts() -> None:
    def same(*, offset: int, stop: threading.Event | None = None) -> Page:
        return Page(rows=[{"id": "a"}, {"id": "b"}, {}], total=1000, offset=offset)

    listing = listed(same)
    assert set(listing.rows) == {"a", "b"}

    def nothing(*, offset: int, stop: threading.Event | None = None) -> Page:
        return Page(rows=[], total=7, offset=offset)

    assert not listed(nothing).rows


def test_progress_is_told_up_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    listed(Service(1000), progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 1000) for done in range(100, 1001, 100)]


def threads() -> Collection[threading.Thread]:
    return set(threading.enumerate())


def test_an_error_ends_all_and_keeps_what_came() -> None:
    service = Service(1000)

    def ask(*, offset: int, stop: threading.Event | None = None) -> Page:
        if offset == 500:
            raise ServerError("broken", status=500)
        return service(offset=offset)

    before = threads()
    listing = Listing(ask)
    with pytest.raises(ServerError):
        listing.run()
    assert threads() == before
    assert set(service.builds[:100]) <= set(listing.rows)
    assert sum(end - begin for begin, end in listing.covered) == len(listing.rows)
    assert not listing.whole


def test_an_interruption_ends_all() -> None:
    before = threads()
    taken: list[int] = []
    waits = threading.Event()

    def ask(number: int, stop: threading.Event) -> int:
        if number:
            waits.set()
            assert stop.wait(60)  # as a pause between two tries does
        return number

    def take(number: int) -> None:
        taken.append(number)
        if not number:
            assert waits.wait(60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        together(ask, range(50), take)
    assert threads() == before
    assert len(taken) <= 5


def test_nothing_is_tried_again_once_it_is_stopped(
    scripted: Scripted, key_client: Callable[..., Client], pauses: list[float]
) -> None:
    scripted.answers = [Answer(503, {"error": "busy"})]
    stop = threading.Event()
    stop.set()
    with pytest.raises(ServerError):
        key_client().list_page(stop=stop)
    assert len(scripted.asked) == 1
