"""The store: what is in it stays, and a status changes only from the one expected."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipecat_nb.models import BUILDING, FAILED, PENDING, SUCCESS, Build
from pipecat_nb.service.store import Store

NOW = datetime(2026, 8, 21, 12, 0, 0, 123000, tzinfo=UTC)
BUILD = Build(
    id="one",
    status=PENDING,
    region="us-west",
    context_hash="a" * 16,
    dockerfile_path="Dockerfile",
    context_size=5,
    created_at=NOW,
    updated_at=NOW,
    organization_id="local",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "db")) as store:
        yield store


def test_a_build_comes_back_as_it_was_also_later(store: Store, tmp_path: Path) -> None:
    store.add_build(BUILD, context_md5="a" * 32)
    assert store.build("one") == BUILD
    assert store.context_md5("one") == "a" * 32
    assert store.change_build("one", expected=PENDING, status=BUILDING, started_at=NOW)
    with closing(Store(tmp_path / "db")) as other:
        assert other.build("one") == BUILD.replace(status=BUILDING, started_at=NOW)
        assert other.build("two") is None


def test_a_status_changes_only_from_the_expected_one(store: Store) -> None:
    store.add_build(BUILD, context_md5="a" * 32)
    assert not store.change_build("one", expected=BUILDING, status=SUCCESS)
    assert not store.change_build("two", expected=PENDING, status=BUILDING)
    with ThreadPoolExecutor(8) as threads:
        changed = list(
            threads.map(lambda _: store.change_build("one", expected=PENDING, status=BUILDING), range(32))
        )
    assert changed.count(True) == 1
    assert store.change_build("one", expected=BUILDING, status=FAILED, error_message="why")
    assert not store.unfinished()


def test_contexts_are_in_use_as_long_as_something_needs_them(store: Store) -> None:
    store.add_upload("old", region="us-west", issued_at=NOW - timedelta(days=2))
    store.add_upload("new", region="us-west", issued_at=NOW)
    store.add_upload("empty", region="us-west", issued_at=NOW)
    assert store.finish_upload("old", md5="o" * 32, size=1)
    assert store.finish_upload("new", md5="n" * 32, size=1)
    assert not store.finish_upload("none", md5="x" * 32, size=1)
    store.add_build(BUILD, context_md5="a" * 32)
    assert store.contexts_in_use() == {"o" * 32, "n" * 32, "a" * 32}
    store.forget_uploads(before=NOW - timedelta(days=1))
    assert store.upload("old") is None
    assert store.contexts_in_use() == {"n" * 32, "a" * 32}
    store.change_build("one", expected=PENDING, status=FAILED)
    assert store.contexts_in_use() == {"n" * 32}
