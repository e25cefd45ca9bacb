"""The table's rows: what the service says of builds, with what this machine knows of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from traitlets import TraitError

from pipecat_nb.models import Build
from pipecat_nb.notebook.widgets.table import BuildTable, row, rows

CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def build(**changes: Any) -> Build:
    known = {
        "id": "123e4567",
        "status": "success",
        "region": "us-west",
        "created_at": CREATED,
        "started_at": CREATED + timedelta(seconds=4),
        "completed_at": CREATED + timedelta(seconds=66.5),
        "build_seconds": 62,
        "image_size": 3_000_000,
    }
    return Build(**(known | changes))


def test_a_build_that_was_started_here() -> None:
    known = {"name": "agent", "note": "uv", "cached": True, "git_commit": "0123456789abcdef", "git_dirty": True}
    assert row(build(), known) == {
        "id": "123e4567",
        "status": "success",
        "mood": "good",
        "sign": "✓",
        "name": "agent",
        "region": "us-west",
        "created": "2026-03-01T12:00:00.000Z",
        "queue": 4.0,
        "build": 62.5,
        "size": 3_000_000,
        "commit": "0123456789-dirty",
        "note": "uv",
        "cached": True,
    }


def test_a_build_of_which_little_is_known() -> None:
    found = row(Build(id="x", status=""), {})
    assert (found["status"], found["mood"], found["sign"]) == ("unknown", "unknown", "?")
    assert [found[name] for name in ("queue", "build", "size")] == [None] * 3  # type: ignore[literal-required]
    assert (found["created"], found["name"], found["commit"], found["cached"]) == ("", "", "", False)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"completed_at": None}, 62.0),
        ({"started_at": None}, 62.0),
        ({"completed_at": CREATED}, 62.0),  # before it started: that cannot be true
        ({"completed_at": None, "build_seconds": -1}, None),
        ({"completed_at": None, "build_seconds": None}, None),
    ],
)
def test_how_long_it_was_built_by_what_can_be_true(changes: dict[str, Any], seconds: float | None) -> None:
    assert row(build(**changes), {})["build"] == seconds


def test_text_is_clean_and_bounded() -> None:
    found = row(build(region="\x1b[31mred\u202e"), {"note": "n" * 10_000, "name": "a\x00b"})
    assert (found["region"], found["name"]) == ("red", "ab")
    assert len(found["note"]) < 300


def test_each_build_once() -> None:
    found = rows(
        [build(id="a"), build(id="b"), build(id="a", status="failed"), build(id="")], {"b": {"name": "B"}}
    )
    assert [(each["id"], each["status"], each["name"]) for each in found] == [
        ("a", "success", ""),
        ("b", "success", "B"),
    ]


def test_the_scripts_are_small_and_their_own() -> None:
    table = BuildTable()
    assert len(table._esm.encode()) < 30_000
    assert "http" not in table._esm
    assert "innerHTML" not in table._esm
    assert table.key == table.model_id
    table.close()


def test_a_direction_is_one_of_two() -> None:
    table = BuildTable()
    table.sort = ["name", "ascending"]
    with pytest.raises(TraitError, match="direction"):
        table.sort = ["name", "sideways"]
    with pytest.raises(TraitError):
        table.compared = ["a", "b", "c"]
    table.close()
