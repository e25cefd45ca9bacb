"""A frame of builds as it is shown, and its values, which stay as they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from pipecat_nb.analysis import frame
from pipecat_nb.analysis.buildframe import MOST_ROWS, BuildFrame, Shown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = "123e4567-e89b-12d3-a456-426614174000"


def build(number: int = 0, **more: Any) -> dict[str, Any]:
    created = NOW - timedelta(minutes=5 + number)
    return {
        "id": ID if number == 0 else f"{number:08x}-{ID[9:]}",
        "status": "success",
        "region": "us-west",
        "createdAt": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "buildDurationSeconds": 72,
        "imageSizeBytes": 237_000_000,
        **more,
    }


def shown(table: pd.DataFrame) -> Shown:
    assert isinstance(table, BuildFrame)
    found = table.shown(now=NOW)
    assert found is not None
    return found


def test_what_tells_most_is_said_in_words() -> None:
    record = {ID: {"directory": "/home/me/agent", "note": "uv instead of pip", "cached": True}}
    told = shown(frame([build()], record=record))
    words = {name: (cell.text, cell.whole) for name, cell in zip(told.columns, told.rows[0], strict=True)}
    assert words["build"] == ("123e4567", ID)
    assert words["directory"] == ("agent", "/home/me/agent")
    assert words["created"] == ("5 min ago", "2026-03-01T11:55:00.000Z")
    assert words["built in"] == ("1 min 12 s", "")
    assert words["image"] == ("226 MB", "237,000,000 bytes")
    assert words["reused"] == ("yes", "")
    assert words["note"] == ("uv instead of pip", "")
    # What nobody has a value of takes no room.
    assert "error" not in words
    assert "queued" not in words


def test_the_values_stay_typed() -> None:
    table = frame([build()])
    assert table["build_time"].iloc[0] == pd.Timedelta(seconds=72)
    assert str(table["created_at"].dtype) == "datetime64[us, UTC]"
    assert len(table.columns) > len(shown(table).columns)


def test_what_is_filtered_or_chosen_is_shown_alike() -> None:
    table = frame([build(), build(1, status="failed", errorMessage="exit\n status 1")])
    failed = shown(table[table["status"] == "failed"].sort_values("created_at"))
    assert failed.count == 1
    assert failed.rows[0][-1].text == "exit status 1"
    chosen = shown(table[["status", "updated_at", "build_time"]])
    assert chosen.columns == ("build", "status", "updated_at", "build_time")
    assert [cell.text for cell in chosen.rows[0]] == ["123e4567", "success", "", "1 min 12 s"]


@pytest.mark.parametrize(
    "change", [lambda table: table.reset_index(), lambda table: table[["region"]], lambda table: table.describe()]
)
def test_what_is_no_frame_of_builds_is_shown_as_pandas_does(change: Any) -> None:
    changed = change(frame([build(), build(1)]))
    assert repr(changed) == repr(pd.DataFrame(changed))


def test_text_from_elsewhere_is_cleaned_and_cut() -> None:
    told = shown(frame([build(errorMessage="\x1b[31mred\x1b[0m " + "x" * 500, status="on\u202efire")]))
    assert told.rows[0][-1].text.startswith("red xxx")
    assert len(told.rows[0][-1].text) <= 60
    assert len(told.rows[0][-1].whole) > 500
    assert told.rows[0][1].text == "onfire"


def test_plain_text_and_what_is_said_of_all() -> None:
    table = frame([build(number) for number in range(MOST_ROWS + 5)])
    lines = repr(table).splitlines()
    assert lines[0].split() == ["build", "status", "created", "built", "in", "region", "image"]
    assert lines[1].split()[:2] == ["123e4567", "success"]
    assert lines[-1] == f"{MOST_ROWS + 5} builds, the first {MOST_ROWS} of them."
    assert len(lines) == MOST_ROWS + 2
    assert repr(frame([])).splitlines()[-1] == "0 builds."


def test_an_oddly_filled_frame_is_shown() -> None:
    rows = [{}, {"id": None, "status": None}, {"id": 7, "status": "odd", "createdAt": "no time"}]
    assert len(shown(frame(rows)).rows) == 3
