"""What people write for a time."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipecat_nb.analysis.period import moment
from pipecat_nb.errors import InvalidFilter

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("7d", timedelta(days=7)),
        ("36h", timedelta(hours=36)),
        (" 30 m ", timedelta(minutes=30)),
        ("1.5w", timedelta(days=10.5)),
    ],
)
def test_so_long_ago(text: str, ago: timedelta) -> None:
    assert moment(text, now=NOW) == NOW - ago


def test_a_day_is_its_beginning_or_its_end() -> None:
    begin, end = datetime(2026, 2, 20).astimezone(), datetime(2026, 2, 20, 23, 59, 59, 999999).astimezone()
    for day in ("2026-02-20", date(2026, 2, 20)):
        assert moment(day, now=NOW) == begin
        assert moment(day, now=NOW, end=True) == end


def test_what_has_no_time_zone_is_local() -> None:
    local = datetime(2026, 2, 20, 14, 30)
    assert moment(local, now=NOW) == local.astimezone()
    assert moment("2026-02-20 14:30", now=NOW) == local.astimezone()
    assert moment("2026-02-20T14:30Z", now=NOW) == local.replace(tzinfo=UTC)
    assert moment(local.replace(tzinfo=UTC), now=NOW) == local.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["yesterday-ish", "", "7 days ago", "-3d", "2026-02-31", "9" * 30 + "w", 7, None]
)
def test_the_forms_are_listed_for_anything_else(value: object) -> None:
    with pytest.raises(InvalidFilter, match="7d, 36h"):
        moment(value, now=NOW)  # type: ignore[arg-type]
