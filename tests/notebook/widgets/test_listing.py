"""Which builds there are: newer news only, the newest first."""

from collections.abc import Callable, Iterator, Set

import pytest

from pipecat_nb.client import Client
from pipecat_nb.lifecycle import Workspace
from pipecat_nb.models import Build
from pipecat_nb.notebook.widgets.jobs import Jobs
from pipecat_nb.notebook.widgets.listing import Listing

from ...scripted import Answer, Scripted


def build(number: int, status: str = "building", *, updated: int | None = None) -> Build:
    return Build.from_json(
        {
            "id": f"build-{number}",
            "status": status,
            "createdAt": f"2026-03-01T12:00:{number:02}Z",
            "updatedAt": None if updated is None else f"2026-03-01T12:00:{updated:02}Z",
        }
    )


@pytest.fixture
def told() -> list[Set[str]]:
    return []


@pytest.fixture
def listing(key_client: Callable[..., Client], told: list[Set[str]]) -> Iterator[Listing]:
    jobs = Jobs(failed=lambda error: None)
    workspace = Workspace(key_client())
    listing = Listing(
        workspace, jobs=jobs, on_place=lambda: None, on_builds=told.append, on_regions=lambda codes, default: None
    )
    yield listing
    listing.close()
    jobs.close()
    workspace.close()


def test_only_news_are_told(listing: Listing, told: list[Set[str]]) -> None:
    listing.take([build(1), build(2)])
    listing.take([build(1), build(2)])
    listing.take([build(1), build(2, "success")])
    listing.take([Build.from_json({"id": "", "status": "building"})])
    assert told == [{"build-1", "build-2"}, {"build-2"}]
    assert [(each.id, each.status) for each in listing.latest] == [("build-2", "success"), ("build-1", "building")]


def test_older_news_change_nothing(listing: Listing, told: list[Set[str]]) -> None:
    listing.take([build(1, "success", updated=9)])
    listing.take([build(1, "building", updated=8)])
    assert len(told) == 1
    assert listing.find("build-1").status == "success"


def test_a_build_that_is_not_listed_is_asked_for(listing: Listing, scripted: Scripted) -> None:
    scripted.answers = [Answer(body={"build": {"id": "build-7", "status": "failed"}})]
    assert listing.find("build-7").status == "failed"
    assert listing.latest == []


def test_what_has_no_time_comes_last(listing: Listing) -> None:
    listing.take([Build.from_json({"id": "x", "status": "building"}), build(1), build(3), build(2)])
    assert [each.id for each in listing.latest] == ["build-3", "build-2", "build-1", "x"]
