"""Watching: one request a look whatever the number of builds, and failed looks that fail no build."""

import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from traitlets import Bunch

from pipecat_nb.client import Client
from pipecat_nb.errors import BuildError, PipecatError
from pipecat_nb.lifecycle import BuildHandle, Workspace
from pipecat_nb.lifecycle.watcher import FIRST, RECONCILE, turn_alone
from pipecat_nb.models import Build

from ..conftest import wait_until
from ..scripted import Answer, Scripted

MakeClient = Callable[..., Client]


def row(number: int, status: str) -> dict[str, str]:
    return {"id": f"build-{number}", "status": status, "region": "us-west"}


@pytest.fixture
def watched(key_client: MakeClient) -> Iterator[Workspace]:
    workspace = Workspace(key_client())
    yield workspace
    workspace.close()


def listed(*rows: dict[str, str]) -> Answer:
    return Answer(body={"builds": list(rows), "total": len(rows)})


def test_one_request_a_look_for_all_builds(scripted: Scripted, watched: Workspace) -> None:
    running = [row(number, "building") for number in range(30)]
    done = [row(number, "success") for number in range(30)]
    scripted.answers = [listed(*running), listed(*done)]
    handles = [watched.attach(Build.from_json(each)) for each in running]
    for handle in handles:
        handle.wait(30)
    assert [asked.path for asked in scripted.asked] == ["/v1/builds?limit=100&offset=0"] * 2


def test_logs_are_read_of_builds_that_somebody_looks_at(scripted: Scripted, watched: Workspace) -> None:
    log = Answer(body={"logs": ["STEP 1/2: FROM scratch", "STEP 2/2: COPY . /"]})
    scripted.answers = [
        listed(row(1, "building"), row(2, "building")),
        log,
        listed(row(1, "success"), row(2, "success")),
        log,
    ]
    seen, unseen = (watched.attach(Build.from_json(row(number, "building"))) for number in (1, 2))
    seen.begin_viewing()
    wait_until(lambda: seen.progress, "the log")
    assert seen.progress is not None
    assert seen.progress.words == "step 2 of 2: COPY . /"
    seen.wait(30)
    assert seen.progress.words == "2 steps"
    assert unseen.progress is None
    assert [asked.path.partition("?")[0] for asked in scripted.asked[:2]] == [
        "/v1/builds",
        "/v1/builds/build-1/logs",
    ]
    assert not any("build-2" in asked.path for asked in scripted.asked)


@pytest.mark.parametrize(("status", "trait"), [("success", "progress"), ("failed", "diagnosis")])
def test_an_observer_of_the_log_that_fails_does_not_keep_the_build_from_ending(
    scripted: Scripted, watched: Workspace, status: str, trait: str
) -> None:
    log = Answer(body={"logs": ["STEP 1/1: FROM scratch"]})
    scripted.answers = [listed(row(1, status)), log, listed(row(1, status)), log]
    handle = watched.attach(Build.from_json(row(1, "pending")))
    handle.begin_viewing()

    def fail(change: Bunch) -> None:
        raise ValueError("an observer's own fault")

    handle.observe(fail, trait)
    wait_until(lambda: handle.final, "the end of the build", limit=10)
    assert handle.status == status
    assert getattr(handle, trait) is not None
    assert [asked.path.partition("?")[0] for asked in scripted.asked].count("/v1/builds") == 1


def test_an_observer_that_fails_keeps_nobody_elses_log_from_being_read(
    scripted: Scripted, watched: Workspace
) -> None:
    log = Answer(body={"logs": ["STEP 1/1: FROM scratch"]})
    both = listed(row(1, "building"), row(2, "building"))
    scripted.answers = [both, log, log, both, log, log, listed(row(1, "success"), row(2, "success")), log]
    broken, other = (watched.attach(Build.from_json(row(number, "building"))) for number in (1, 2))

    def fail(change: Bunch) -> None:
        raise ValueError("an observer's own fault")

    broken.observe(fail, "progress")
    broken.begin_viewing()
    other.begin_viewing()
    wait_until(lambda: other.progress, "the other's log", limit=10)
    assert [asked.path.partition("?")[0] for asked in scripted.asked[:3]] == [
        "/v1/builds",
        "/v1/builds/build-1/logs",
        "/v1/builds/build-2/logs",
    ]


def test_a_log_that_cannot_be_read_stops_nothing(scripted: Scripted, watched: Workspace) -> None:
    refused = Answer(404, {"error": "no log", "code": "X"})
    scripted.answers = [listed(row(1, "building")), refused, listed(row(1, "success")), refused]
    handle = watched.attach(Build.from_json(row(1, "building")))
    handle.begin_viewing()
    assert handle.wait(30).status == "success"
    assert (handle.progress, handle.trouble) == (None, "")


def test_a_build_has_one_handle_and_is_followed_once(scripted: Scripted, watched: Workspace) -> None:
    scripted.answers = [listed(row(1, "building"))]
    known = Build.from_json(row(1, "pending"))
    handle = watched.attach(known)
    assert watched.attach(Build.from_json(row(1, "building"))) is handle
    assert handle.status == "building"
    with ThreadPoolExecutor(4) as pool:
        others = [Build.from_json(row(2, "pending"))] * 16
        assert len(set(pool.map(watched.attach, others))) == 1
    assert len(watched._watcher._handles) == 2


def test_viewers_are_counted_from_any_thread(watched: Workspace) -> None:
    handle = watched.attach(Build.from_json(row(1, "success")))

    def view(_: int) -> None:
        handle.begin_viewing()
        handle.end_viewing()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads meet
    try:
        with ThreadPoolExecutor(4) as pool:
            assert len([*pool.map(view, range(5000))]) == 5000
    finally:
        sys.setswitchinterval(before)
    assert handle.viewers == 0


def test_a_handle_that_nobody_has_is_let_go(scripted: Scripted, watched: Workspace) -> None:
    ended = Build.from_json(row(1, "success"))
    handle = weakref.ref(watched.attach(ended))
    gc.collect()
    assert handle() is None
    assert watched.attach(ended).status == "success"


def test_a_failed_look_is_trouble_and_not_a_failed_build(scripted: Scripted, watched: Workspace) -> None:
    scripted.answers = [Answer(500, {"error": "Internal server error", "code": "X"}), listed(row(1, "success"))]
    handle = watched.attach(Build.from_json(row(1, "building")))
    wait_until(lambda: handle.trouble, "the trouble")
    assert handle.status == "building"
    assert "Internal server error" in handle.trouble
    handle.wait(30)
    assert (handle.status, handle.trouble) == ("success", "")


def test_a_build_that_the_list_does_not_cover_is_asked_for(scripted: Scripted, watched: Workspace) -> None:
    scripted.answers = [listed(), Answer(body={"build": row(1, "success")})]
    watched.attach(Build.from_json(row(1, "pending"))).wait(30)
    assert scripted.asked[1].path == "/v1/builds/build-1"


def test_a_status_that_nobody_knows_goes_on_being_watched(scripted: Scripted, watched: Workspace) -> None:
    scripted.answers = [listed(row(1, "paused")), listed(row(1, "success"))]
    handle = watched.attach(Build.from_json(row(1, "building")))
    seen: list[str] = []
    handle.observe(lambda change: seen.append(change.new), "status")
    handle.wait(30)
    assert seen == ["paused", "success"]


def test_closing_ends_the_thread_at_once(scripted: Scripted, watched: Workspace) -> None:
    scripted.answers = [listed(row(1, "building"))]
    handle = watched.attach(Build.from_json(row(1, "building")))
    watched.close()
    assert not any(thread.name == "pipecat_nb watcher" for thread in threading.enumerate())
    assert not handle.final


def test_an_observer_that_fails_ends_no_watching(
    scripted: Scripted, watched: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.answers = [listed(row(1, "success"), row(2, "success"))]
    first, second = (watched.attach(Build.from_json(row(number, "building"))) for number in (1, 2))

    def fail(_: object) -> None:
        raise ValueError("somebody's fault")

    first.observe(fail, "status")
    second.wait(30)
    assert first.wait(1).status == "success"
    assert "observer of build build-1" in caplog.text


def test_an_observer_of_trouble_that_fails_ends_no_watching(
    scripted: Scripted, watched: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.answers = [Answer(500, {"error": "broken", "code": "X"}), listed(row(1, "success"))]
    handle = watched.attach(Build.from_json(row(1, "building")))

    def fail(change: Bunch) -> None:
        if change.name == "trouble":
            raise ValueError("somebody's fault")

    handle.observe(fail)
    assert handle.wait(30).status == "success"
    assert "An observer of build build-1 failed" in caplog.text


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_every_build_has_its_turn_to_be_asked_for_alone(count: int) -> None:
    looks = 10 * count * RECONCILE
    turns = [turn_alone(look, count) for look in range(1, looks + 1)]
    assert turns.count(None) == looks - 10 * count
    assert [turns.count(number) for number in range(count)] == [10] * count


def test_nobody_has_a_turn_where_there_is_none() -> None:
    assert [turn_alone(look, 0) for look in range(2 * RECONCILE)] == [None] * 2 * RECONCILE


class Told:
    """A listener: what it was told, and when."""

    def __init__(self) -> None:
        self.news: list[tuple[Build, ...] | PipecatError] = []
        self.times: list[float] = []

    def __call__(self, news: tuple[Build, ...] | PipecatError) -> None:
        self.times.append(time.monotonic())
        self.news.append(news)


def watching() -> bool:
    return any(thread.name == "pipecat_nb watcher" for thread in threading.enumerate())


def test_a_listener_is_told_each_look_with_no_request_of_its_own(scripted: Scripted, watched: Workspace) -> None:
    rows = [listed(row(1, status)) for status in ("pending", "building", "success")]
    scripted.answers = [*rows]
    told, other = Told(), Told()
    watched.listen(told)
    watched.listen(other)
    handle = watched.attach(Build.from_json(row(1, "pending")))
    handle.wait(30)
    wait_until(lambda: len(told.news) >= 3, "the looks")
    statuses = [[build.status for build in news] for news in told.news if isinstance(news, tuple)]
    assert statuses[:3] == [["pending"], ["building"], ["success"]]
    assert len(other.news) >= len(told.news) - 1
    assert {asked.path for asked in scripted.asked} == {"/v1/builds?limit=100&offset=0"}
    assert len(scripted.asked) <= len(told.news) + 1


def test_a_listener_keeps_the_thread_alive_until_it_listens_no_more(
    scripted: Scripted, watched: Workspace
) -> None:
    scripted.answers = [listed()]
    told = Told()
    watched.listen(told)
    wait_until(lambda: told.news, "the first look")
    assert watching()
    watched.unlisten(told)
    wait_until(lambda: not watching(), "the thread to end")
    looks = len(told.news)
    watched.listen(told)
    wait_until(lambda: len(told.news) > looks, "a look after listening again")


def test_the_first_look_comes_at_once_and_again_for_who_listens_again(
    scripted: Scripted, watched: Workspace
) -> None:
    scripted.answers = [listed()]
    told = Told()
    begun = time.monotonic()
    for looks in range(1, 4):
        watched.listen(told)
        wait_until(lambda: len(told.news) >= looks, "a look")  # noqa: B023
    assert told.times[2] - begun < FIRST
    assert len(told.news) == 3


def test_a_listener_is_told_why_there_are_no_builds(scripted: Scripted, watched: Workspace) -> None:
    scripted.answers = [Answer(401, {"error": "Unauthorized", "code": "X"}), listed(row(1, "success"))]
    told = Told()
    watched.listen(told)
    wait_until(lambda: len(told.news) >= 2, "two looks")
    assert isinstance(told.news[0], PipecatError)
    assert told.news[1] == (Build.from_json(row(1, "success")),)


def test_a_listener_that_fails_keeps_nobody_from_being_told(
    scripted: Scripted, watched: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.answers = [listed(row(1, "success"))]

    def fail(_: object) -> None:
        raise ValueError("a listener's own fault")

    told = Told()
    watched.listen(fail)
    watched.listen(told)
    assert watched.attach(Build.from_json(row(1, "building"))).wait(30).status == "success"
    assert told.news
    assert "listener" in caplog.text


def test_a_closed_workspace_tells_nobody(scripted: Scripted, watched: Workspace) -> None:
    scripted.answers = [listed()]
    told = Told()
    watched.listen(told)
    watched.close()
    assert not watching()
    watched.listen(told)
    assert not watching()


def test_a_new_status_that_has_ended_is_waited_for_no_longer(scripted: Scripted, watched: Workspace) -> None:
    scripted.answers = [listed(row(1, "cancelled") | {"completedAt": "2026-02-20T12:00:00Z"})]
    with pytest.raises(BuildError, match="ended as 'cancelled'"):
        watched.attach(Build.from_json(row(1, "building"))).wait(30)


def test_waiting_goes_on_without_a_watcher(scripted: Scripted, watched: Workspace) -> None:
    scripted.answers = [Answer(body={"build": row(1, "success")})]
    handle = watched.attach(Build.from_json(row(1, "building")))
    watched.close()
    assert handle.wait(30).status == "success"


def test_what_the_service_says_of_a_failure_is_cleaned_and_bounded(key_client: MakeClient) -> None:
    handle = BuildHandle(key_client(), name="agent")
    handle.update(Build.from_json(row(1, "failed") | {"errorMessage": "\x1b[2Jbad" + "y" * 100_000}))
    assert "\x1b" not in str(handle.failure())
    assert len(str(handle.failure())) < 2000


def test_older_news_change_nothing(key_client: MakeClient) -> None:
    handle = BuildHandle(key_client())
    handle.update(Build.from_json(row(1, "building") | {"updatedAt": "2026-02-20T12:00:01Z"}))
    handle.update(Build.from_json(row(1, "pending") | {"updatedAt": "2026-02-20T12:00:00Z"}))
    assert handle.status == "building"
