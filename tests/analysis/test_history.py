"""The history: complete through the real local service, and a scripted one for what that never does."""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest

import pipecat_nb
from pipecat_nb.analysis import history
from pipecat_nb.analysis.catchup import _ago
from pipecat_nb.client import Client
from pipecat_nb.client.listing import Page
from pipecat_nb.errors import InvalidFilter, PipecatError, ServerError, Unauthorized, UnknownRegion
from pipecat_nb.lifecycle import Workspace
from pipecat_nb.models import BUILDING, FAILED, FINAL_STATUSES, PENDING, SUCCESS, Build, format_time
from pipecat_nb.record import Record, Start
from pipecat_nb.service.store import Store

from ..scripted import Answer, Scripted
from ..service.conftest import Caller, serving


@pytest.mark.usefixtures("engine")
def test_builds_become_rows(workspace: Workspace, agent: Path) -> None:
    first = workspace.start(agent, note="first").wait(60)
    (agent / "Dockerfile").write_text("FROM scratch\nCOPY absent.txt /\n")
    second = workspace.start(agent)
    table = pipecat_nb.history(client=workspace.client, limit=2)
    assert table.index.tolist() == [second.id, first.id]
    build = table.loc[first.id]
    assert (build["status"], build["note"], build["files"]) == ("success", "first", 2)
    assert build["directory"] == str(agent)
    assert table.attrs["target"] == "local service"
    assert history(client=workspace.client, context_hash=first.context_hash).index.tolist() == [first.id]
    assert first.id in history(client=workspace.client, status="success", region="us-west", since="1h").index
    assert history(client=workspace.client, until="2026-01-01", since="2025-01-01").empty


@pytest.mark.usefixtures("own_record")
def test_a_status_is_meant_in_any_case(scripted: Scripted, key_client: Callable[..., Client]) -> None:
    scripted.answers = [Answer(body={"builds": []})]
    for status in ("SUCCESS", "Success", "success"):
        history(client=key_client(), status=status)
    assert all("status=success&" in f"{asked.path}&" for asked in scripted.asked)
    assert len(scripted.asked) == 3
    with pytest.raises(InvalidFilter, match="'Done'"):
        history(client=key_client(), status="Done")


def test_what_is_not_valid_lists_what_is(client: Client) -> None:
    with pytest.raises(InvalidFilter, match="pending, building, success, failed, timeout"):
        history(client=client, status="done")
    with pytest.raises(UnknownRegion, match="us-west, us-east"):
        history(client=client, region="moon")
    with pytest.raises(InvalidFilter, match="2026-02-20"):
        history(client=client, since="yesterday-ish")
    with pytest.raises(InvalidFilter, match="0 or more"):
        history(client=client, limit=-1)


@pytest.mark.usefixtures("own_record")
def test_a_period_is_filtered_here(scripted: Scripted, key_client: Callable[..., Client]) -> None:
    now = datetime.now(UTC)
    rows = [
        {"id": f"{days}", "status": "success", "createdAt": format_time(now - timedelta(days=days))}
        for days in (0, 9, 2, 5, 30)
    ]
    rows.append({"id": "never", "status": "pending"})
    scripted.answers = [Answer(body={"builds": rows, "total": 6, "limit": 100, "offset": 0})]

    def ids(**bounds: str | int) -> list[str]:
        return history(client=key_client(), **bounds).index.tolist()  # type: ignore[arg-type]

    assert ids(since="7d") == ["0", "2", "5"]
    assert ids(until="7d") == ["9", "30"]
    assert ids(since="10d", until="1d", limit=2) == ["2", "5"]
    assert len(ids()) == 6


class Place:
    """A real service on a directory of its own, into whose store builds can be put."""

    def __init__(self, caller: Caller, store: Store) -> None:
        self.url = caller.url
        self.token = caller.session.headers["Authorization"].split()[1]
        self.store = store
        self.ids: list[str] = []
        self._moment = datetime(2026, 3, 1, tzinfo=UTC)

    def add(self, count: int = 1, *, status: str = SUCCESS, region: str = "us-west") -> list[str]:
        """More builds, each a minute after the one before."""
        added = []
        for _ in range(count):
            self._moment += timedelta(minutes=1)
            build = Build(
                id=str(uuid4()),
                status=PENDING if status in FINAL_STATUSES else status,
                region=region,
                context_hash="a" * 16,
                dockerfile_path="Dockerfile",
                context_size=5,
                created_at=self._moment,
                updated_at=self._moment,
                organization_id="local",
            )
            self.store.add_build(build, context_md5="a" * 32)
            if status in FINAL_STATUSES:
                self.end(build.id, status)
            added.append(build.id)
        self.ids[:0] = reversed(added)
        return added

    def end(self, build_id: str, status: str = SUCCESS) -> None:
        build = self.store.build(build_id)
        assert build is not None
        self.store.change_build(build_id, expected=build.status, status=status, completed_at=self._moment)

    def client(self, **options: Any) -> "Counting":
        return Counting(self.token, api_host=self.url, **options)


class Counting(Client):
    """Keeps the pages and builds that were asked for; `meanwhile` is called after each page."""

    def __init__(self, *arguments: Any, meanwhile: Callable[[], object] = lambda: None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pages: list[int] = []
        self.single: list[str] = []
        self._meanwhile = meanwhile

    def list_page(self, **options: Any) -> Page:
        self.pages.append(options["offset"])
        page = super().list_page(**options)
        self._meanwhile()
        return page

    def get_build(self, id: str) -> Build:  # noqa: A002
        self.single.append(id)
        return super().get_build(id)


@pytest.fixture
def own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIPECAT_NB_STATE", str(tmp_path / "own"))
    return tmp_path / "own" / "record.sqlite3"


@pytest.fixture
def place(tmp_path: Path, own_record: Path) -> Iterator[Place]:
    # The store has its lock, and SQLite has another: two connections are as good as one.
    with serving(tmp_path / "service") as caller, closing(Store(tmp_path / "service" / "service.db")) as store:
        # What is put in here need not outlive a power cut, and thousands of waits for the disk take a minute.
        store._connection.execute("PRAGMA synchronous = OFF")
        yield Place(caller, store)


def test_all_are_there_and_the_second_time_one_request_is_enough(place: Place) -> None:
    place.add(250)
    first, second = place.client(), place.client()
    assert history(client=first).index.tolist() == place.ids
    assert sorted(first.pages) == [0, 100, 200]
    again = history(client=second)
    assert again.index.tolist() == place.ids
    assert (second.pages, second.single) == ([0], [])
    assert again.attrs["note"] == ""
    pd.testing.assert_frame_equal(again, history(client=place.client(), refresh=True))
    place.add(3)
    third = place.client()
    assert history(client=third).index.tolist() == place.ids
    assert third.pages == [0]


def test_builds_created_during_the_paging(place: Place) -> None:
    place.add(450)
    before = list(place.ids)
    lock = threading.Lock()

    def create() -> None:
        with lock:
            place.add(2)

    found = history(client=place.client(meanwhile=create)).index.tolist()
    assert len(set(found)) == len(found)
    assert set(before) <= set(found) <= set(place.ids)
    assert history(client=place.client()).index.tolist() == place.ids


def test_those_that_had_not_ended_are_asked_for_again(place: Place) -> None:
    early, never = place.add(2, status=BUILDING)
    place.add(150)
    assert history(client=place.client()).loc[early, "status"] == "building"
    place.end(early, FAILED)
    client = place.client()
    table = history(client=client)
    assert (table.loc[early, "status"], table.loc[never, "status"]) == ("failed", "building")
    assert (client.pages, sorted(client.single)) == ([0], sorted([early, never]))
    client = place.client()
    assert history(client=client, status="failed").index.tolist() == [early]
    assert client.single == [never]


def test_filters_go_to_the_service_until_all_is_known(place: Place) -> None:
    failed = [place.add(40)[0:0] or place.add(1, status=FAILED, region="us-east")[0] for _ in range(3)][::-1]
    place.add(120)
    client = place.client()
    assert history(client=client, status="failed").index.tolist() == failed
    assert client.pages == [0]
    assert history(client=client, status="Failed", region="us-east").index.tolist() == failed
    # A build that ends out of turn stands in the middle of the list of the failed ones.
    late = place.add(1, status=BUILDING)[0]
    failed.insert(0, place.add(1, status=FAILED)[0])
    place.end(late, FAILED)
    failed.insert(1, late)
    assert history(client=place.client(), status="failed").index.tolist() == failed
    assert history(client=place.client()).index.tolist() == place.ids
    client = place.client()
    assert history(client=client, region="us-east").index.tolist() == failed[2:]
    assert history(client=client, context_hash="a" * 16, status="failed").index.tolist() == failed
    assert history(client=client, context_hash="b" * 16).empty
    assert client.pages == [0, 0, 0]
    assert history(client=client, refresh=True, context_hash="a" * 16, limit=7).index.tolist() == place.ids[:7]


def test_a_limit_and_a_period_ask_for_no_more_than_they_need(place: Place) -> None:
    place.add(900)
    client = place.client()
    assert history(client=client, limit=120).index.tolist() == place.ids[:120]
    assert sorted(client.pages) == [0, 100]
    assert history(client=client, limit=0).empty
    since = place.store.build(place.ids[30]).created_at  # type: ignore[union-attr]
    client = place.client()
    assert history(client=client, since=since).index.tolist() == place.ids[:31]
    assert client.pages == [0]
    assert history(client=place.client()).index.tolist() == place.ids


def test_what_came_before_an_interruption_is_kept(place: Place) -> None:
    place.add(1000)

    def interrupt() -> None:
        if len(client.pages) > 6:  # of which four at most have no answer yet
            raise KeyboardInterrupt

    client = place.client(meanwhile=interrupt)
    with pytest.raises(KeyboardInterrupt):
        history(client=client)
    client = place.client()
    assert history(client=client).index.tolist() == place.ids
    assert len(client.pages) <= 9


def test_builds_that_the_service_has_no_more(place: Place, tmp_path: Path, own_record: Path) -> None:
    place.add(130)
    history(client=place.client())
    with closing(sqlite3.connect(tmp_path / "service" / "service.db")) as database, database:
        database.execute("DELETE FROM builds WHERE id IN (?, ?)", (gone := [place.ids.pop(5), place.ids.pop(120)]))
    assert history(client=place.client()).index.tolist() == place.ids
    client = place.client()
    assert not set(gone) & set(history(client=client).index)
    assert client.pages == [0]


def test_refresh_forgets(place: Place, own_record: Path) -> None:
    place.add(150)
    history(client=place.client())
    with closing(sqlite3.connect(own_record)) as database, database:
        database.execute("UPDATE past SET build = replace(build, 'us-west', 'us-old')")
    assert history(client=place.client(), region="us-west").index.tolist() == place.ids[:100]
    assert set(history(client=place.client(), refresh=True)["region"]) == {"us-west"}
    assert set(history(client=place.client())["region"]) == {"us-west"}


def test_a_directory_means_what_was_started_there(place: Place, tmp_path: Path) -> None:
    place.add(5)
    record = Record(place.client().target.account)
    (tmp_path / "agent").mkdir()
    for name in (place.ids[3], place.ids[1]):
        record.add(Start(id=name, cached=False, directory=str(tmp_path / "agent")))
    assert history(client=place.client(), directory=tmp_path / "agent").index.tolist() == [
        place.ids[1],
        place.ids[3],
    ]
    assert history(client=place.client(), directory=str(tmp_path / "agent"), limit=1).index.tolist() == [
        place.ids[1]
    ]
    assert history(client=place.client(), directory=tmp_path / "gone").empty


ROWS = [{"id": name, "status": "success", "createdAt": "2026-03-01T12:00:00Z"} for name in ("b", "a")]


@pytest.mark.usefixtures("own_record")
def test_without_a_connection_there_is_what_is_known(
    scripted: Scripted, key_client: Callable[..., Client]
) -> None:
    scripted.answers = [Answer(503, {"error": "down"})]
    with pytest.raises(ServerError):
        history(client=key_client())
    scripted.answers = [Answer(body={"builds": ROWS, "total": 2})]
    known = history(client=key_client())
    for failure in (Answer(cut=True), Answer(503, {"error": "down"})):
        scripted.answers = [failure]
        table = history(client=key_client())
        assert table.index.tolist() == known.index.tolist()
        assert table.attrs["fetched_at"] == known.attrs["fetched_at"]
        assert re.search(r"builds known on 20\d\d-\d\d-\d\d at \d\d:\d\d, \d+ seconds ago\.$", table.attrs["note"])
        with pytest.raises(PipecatError):
            history(client=key_client(), refresh=True)
    scripted.answers = [Answer(401, {"error": "Unauthorized"})]
    with pytest.raises(Unauthorized):
        history(client=key_client())


@pytest.mark.usefixtures("own_record")
def test_a_list_that_breaks_off_is_no_answer(scripted: Scripted, key_client: Callable[..., Client]) -> None:
    page = {"builds": [{"id": str(number), "status": "success"} for number in range(100)], "total": 300}
    scripted.answers = [Answer(body=page), Answer(503, {"error": "down"})]
    with pytest.raises(ServerError, match="100 builds of 300 had come and are kept"):
        history(client=key_client())
    table = history(client=key_client())
    assert len(table) == 100
    assert "there may be more" in table.attrs["note"]
    assert table.attrs["fetched_at"] is None


@pytest.mark.usefixtures("own_record")
def test_rows_of_nonsense_are_kept_in_the_frame(scripted: Scripted, key_client: Callable[..., Client]) -> None:
    rows = [*ROWS, {}, {"id": None, "status": 7}, {"id": 5, "status": ["x"], "createdAt": 12}, None, "text"]
    scripted.answers = [Answer(body={"builds": rows, "total": 7})]
    for _ in range(2):
        table = history(client=key_client())
        assert [None if pd.isna(name) else name for name in table.index] == ["b", "a", "5", None, None]


@pytest.mark.usefixtures("own_record")
def test_a_status_that_was_seen_is_valid(scripted: Scripted, key_client: Callable[..., Client]) -> None:
    scripted.answers = [Answer(body={"builds": [{**ROWS[0], "status": "Cancelled"}, ROWS[1]], "total": 2})]
    with pytest.raises(InvalidFilter):
        history(client=key_client(), status="cancelled")
    history(client=key_client())
    assert history(client=key_client(), status="cancelled").index.tolist() == ["b"]
    with pytest.raises(InvalidFilter, match="timeout, Cancelled"):
        history(client=key_client(), status="done")


def test_what_is_not_known_is_how_long_ago() -> None:
    for seconds, text in ((5, "5 seconds"), (200, "3 minutes"), (9000, "2 hours"), (200_000, "2 days")):
        assert _ago(timedelta(seconds=seconds)) == text
