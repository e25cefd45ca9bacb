"""What builds come to, checked by hand."""

import pandas as pd
import pytest

from pipecat_nb.analysis import frame
from pipecat_nb.analysis.summary import DTYPES
from pipecat_nb.errors import InvalidGrouping

from .made import build, failure, table

SOME = table(
    build(1, buildDurationSeconds=60),
    build(2, buildDurationSeconds=80, region="eu-central", startedAt="2026-02-20T12:02:30Z"),
    failure(3, "no", buildDurationSeconds=5),
    build(4, status="building", completedAt=None, buildDurationSeconds=None, imageSizeBytes=None),
    build(5, createdAt="2026-02-22T23:59:59Z", startedAt=None, imageSizeBytes=700 * 1024**2),
    cached={"b1": True, "b2": False, "b3": False, "b5": True},
)


def test_of_all() -> None:
    row = SOME.builds.summary().loc["all"]
    assert (row["builds"], row["ended"], row["success_rate"]) == (5, 4, 0.75)
    assert (row["cache_known"], row["cache_hits"], row["cache_hit_rate"]) == (4, 2, 0.5)
    assert row["time_saved"] == pd.Timedelta(seconds=120)
    # Queued for 10, 30, 10 and 10 s; built, of those that succeeded, for 60, 80 and 60.
    assert row["median_queue_time"] == pd.Timedelta(seconds=10)
    assert row["p95_queue_time"] == pd.Timedelta(seconds=27)
    assert row["median_build_time"] == pd.Timedelta(seconds=60)
    assert row["p95_build_time"] == pd.Timedelta(seconds=78)
    assert row["median_context_size"] == 10 * 1024**2
    assert row["median_image_size"] == 500 * 1024**2


def test_by_a_column_by_several_and_by_a_filtered_one() -> None:
    by = SOME.builds.summary("region")
    assert by["builds"].to_dict() == {"eu-central": 1, "us-west": 4}
    assert SOME.builds.summary(["region", "status"]).loc[("us-west", "success"), "builds"] == 2
    failed = SOME[SOME["status"] == "failed"]
    assert failed.builds.summary("status")["builds"].to_dict() == {"failed": 1}
    assert failed.builds.summary().loc["all", "success_rate"] == 0


def test_by_day_week_and_month_of_utc() -> None:
    local = SOME.assign(created_at=SOME["created_at"].dt.tz_convert("Asia/Tokyo"))
    for frame_ in (SOME, local):
        days = frame_.builds.summary("day")["builds"]
        assert {f"{day:%F %Z}": count for day, count in days.items()} == {"2026-02-20 UTC": 4, "2026-02-22 UTC": 1}
    assert [f"{day:%F %a}" for day in SOME.builds.summary("week").index] == ["2026-02-16 Mon"]
    assert [f"{day:%F}" for day in SOME.builds.summary("month").index] == ["2026-02-01"]


def test_missing_values_are_a_group_of_their_own() -> None:
    odd = table(build(1), build(2, region=None, createdAt=None, startedAt=None, completedAt=None), {})
    assert odd.builds.summary("region")["builds"].tolist() == [1, 2]
    days = odd.builds.summary("day")
    assert days.index.isna().tolist() == [False, True]
    assert days["builds"].tolist() == [1, 2]
    assert odd.builds.summary("status")["builds"].tolist() == [2, 1]


@pytest.mark.parametrize("by", [None, "status", "region", "day", "week", "month", ["region", "day"], []])
def test_columns_and_dtypes_are_fixed(by: str | list[str] | None) -> None:
    for rows in (SOME, SOME.iloc[:0], frame([]), frame([{}])):
        dtypes = {str(name): str(dtype) for name, dtype in rows.builds.summary(by).dtypes.items()}
        assert dtypes == DTYPES
    nothing = frame([]).builds.summary(by)
    assert nothing["builds"].tolist() == ([] if by else [0])
    assert nothing["success_rate"].isna().all()


def test_fields_that_the_service_may_add_can_be_grouped_by() -> None:
    rows = table(build(1, tags=["a"]), build(2, tags=["a"]), build(3, tags={"b": 1}), build(4))
    assert sorted(rows.builds.summary("tags")["builds"]) == [1, 1, 2]


def test_an_unknown_grouping_says_what_there_is() -> None:
    with pytest.raises(InvalidGrouping, match="no 'colour'") as caught:
        SOME.builds.summary("colour")
    assert "day, week, month" in caught.value.hint
    assert "region" in caught.value.hint
