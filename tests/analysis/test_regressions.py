"""Planted jumps are found in noise, and none where there are none."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pipecat_nb.analysis import frame
from pipecat_nb.analysis.regressions import LEAST_BUILDS, MOST_TOLD, jumps, told
from pipecat_nb.errors import InvalidGrouping, InvalidMeasure

from .made import build, failure

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DTYPES = {
    "build": "string",
    "created_at": "datetime64[us, UTC]",
    "before": "timedelta64[us]",
    "after": "timedelta64[us]",
    "ratio": "Float64",
    "builds_before": "Int64",
    "builds_after": "Int64",
    "noise": "Float64",
    **dict.fromkeys(("git_commit", "note", "directory", "dockerfile_path", "region"), "string"),
}


def built(seconds: Any, *, prefix: str = "b", **fields: Any) -> list[dict[str, Any]]:
    """Builds that took so long, an hour after each other."""
    return [
        build(
            1,
            id=f"{prefix}{number}",
            createdAt=(BEGIN + timedelta(hours=number)).isoformat(),
            buildDurationSeconds=float(each),
            **fields,
        )
        for number, each in enumerate(seconds)
    ]


def noisy(levels: list[tuple[float, int]], *, noise: float, seed: int) -> "np.ndarray[Any, Any]":
    rng = np.random.default_rng(seed)
    return np.concatenate([level * np.exp(noise * rng.normal(size=count)) for level, count in levels])


def test_planted_jumps_are_found_and_told() -> None:
    seconds = noisy([(60, 40), (100, 30), (55, 30), (160, 50)], noise=0.08, seed=3)
    # A slow build now and then is no change.
    seconds[[7, 55, 120]] *= 8
    rows = frame(built(seconds), record={"b40": {"git_commit": "abc", "note": "torch", "directory": None}})
    found = rows.builds.regressions(by="region")
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == DTYPES
    assert found["build"].tolist() == ["b100", "b40"]
    last = found.iloc[1]
    assert (last["builds_before"], last["builds_after"]) == (40, 30)
    assert 55 < last["before"].total_seconds() < 65
    assert 92 < last["after"].total_seconds() < 108
    assert last["ratio"] == pytest.approx(last["after"] / last["before"], rel=1e-6)
    assert 0.04 < last["noise"] < 0.15
    assert (last["git_commit"], last["note"], last["region"]) == ("abc", "torch", "us-west")
    assert last["created_at"] == BEGIN + timedelta(hours=40)
    # What was found does not hang on the order of the rows.
    pd.testing.assert_frame_equal(rows.sample(frac=1, random_state=1).builds.regressions(by="region"), found)


@pytest.mark.parametrize("count", [10, 25, 100, 400])
def test_pure_noise_has_none(count: int) -> None:
    def found(noise: float) -> int:
        seconds = (noisy([(60, count)], noise=noise, seed=seed) for seed in range(100))
        return sum(bool(jumps(each, least_ratio=1.2, least_step=2)) for each in seconds)

    assert (found(0.02), found(0.1)) == (0, 0)
    # Where builds differ by half as much again, chance makes a jump in one history of a hundred at most.
    assert found(0.4) <= 1


def test_images_grow_by_little_and_are_told_in_bytes() -> None:
    sizes = [500, 501, 500, 500, 502, 540, 540, 541, 540, 540]
    rows = frame(
        [{**one, "imageSizeBytes": size * 1024**2} for one, size in zip(built([60] * 10), sizes, strict=True)]
    )
    found = rows.builds.regressions("image_size")
    assert found["build"].tolist() == ["b5"]
    assert found.loc[0, ["before", "after"]].tolist() == [500 * 1024**2, 540 * 1024**2]
    assert str(found["before"].dtype) == "Int64"
    assert rows.builds.regressions().empty


def test_only_like_is_compared_with_like() -> None:
    builds = built([60] * 8) + built([200] * 8, prefix="c", region="eu-central")
    rows = frame(builds).sort_values("region", ascending=False)
    rows["created_at"] = pd.date_range(BEGIN, periods=16, freq="h", unit="us")
    assert rows.builds.regressions().empty
    assert rows.builds.regressions(by=["region", "status"]).empty
    assert rows.builds.regressions(by=[])["build"].tolist() == ["c0"]
    both = rows.builds.regressions(by="month")
    assert both["build"].tolist() == ["c0"]
    assert both["month"].tolist() == ["2026-01-01 00:00:00+00:00"]
    without = rows.drop(columns=["directory", "region"]).builds.regressions()
    assert without["build"].tolist() == ["c0"]
    assert without["region"].isna().all()


def test_builds_that_failed_tell_nothing_and_falls_are_no_regressions() -> None:
    slow = [failure(1, "x", id=f"f{number}", buildDurationSeconds=900) for number in range(30)]
    assert frame([*built([60] * 20), *slow]).builds.regressions().empty
    assert frame(built([90] * 10 + [60] * 10)).builds.regressions().empty


def test_too_few_builds_on_a_side_and_too_small_a_jump() -> None:
    assert frame(built([60] * 20 + [120] * (LEAST_BUILDS - 1))).builds.regressions().empty
    assert len(frame(built([60] * 20 + [120] * LEAST_BUILDS)).builds.regressions()) == 1
    assert frame(built([60] * 20 + [70] * 20)).builds.regressions().empty
    assert frame(built([1] * 20 + [2] * 20)).builds.regressions().empty


def test_without_any_the_types_are_the_same() -> None:
    for rows in (frame([]), frame([{}, {"id": "x"}]), frame(built([60]))):
        found = rows.builds.regressions()
        assert found.empty
        assert {name: str(dtype) for name, dtype in found.dtypes.items()} == DTYPES
    sizes = frame([]).builds.regressions("image_size", by="git_branch")
    assert (str(sizes["after"].dtype), str(sizes["git_branch"].dtype)) == ("Int64", "string")


def test_what_is_not_measured_or_not_there() -> None:
    with pytest.raises(InvalidMeasure, match="build_time or image_size"):
        frame([]).builds.regressions("files")  # type: ignore[arg-type]
    with pytest.raises(InvalidGrouping, match="'colour'"):
        frame([]).builds.regressions(by="colour")


def words_on(ax: Any) -> list[str]:
    FigureCanvasAgg(ax.figure).draw()
    return [text.get_text() for text in ax.texts if "→" in text.get_text()]


def test_charts_mark_them_unless_told_otherwise() -> None:
    rows = frame(
        [
            {**one, "imageSizeBytes": size * 1024**2}
            for one, size in zip(built([60] * 10 + [100] * 10), [500] * 5 + [900] * 15, strict=True)
        ]
    )
    plot = rows.builds.plot
    assert words_on(plot.durations()) == ["1 min 00 s → 1 min 40 s"]
    assert words_on(plot.sizes()) == ["500 MB → 900 MB"]
    assert words_on(plot.durations(marks=False)) == []
    assert words_on(plot.durations(marks={"b3": "a → b", "elsewhere": "c → d"})) == ["a → b"]
    assert words_on(frame([]).builds.plot.durations()) == []


def test_charts_mark_the_largest_of_many() -> None:
    levels = [60, *(60 * 1.3**power for power in range(1, 10))]
    rows = frame(built(np.repeat(levels, 12)))
    assert len(rows.builds.regressions()) == 9
    assert len(told(rows.builds.regressions())) == MOST_TOLD


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(0.001, 1e7), max_size=60).flatmap(
        lambda some: st.lists(st.sampled_from(some or [1.0]), max_size=60)
    )
)
def test_what_is_found_holds_to_the_rules(values: list[float]) -> None:
    found = jumps(np.array(values, dtype="float64"), least_ratio=1.2, least_step=2)
    bounds = [0, *(jump.place for jump in found), len(values)]
    for jump, begin, end in zip(found, bounds, bounds[2:], strict=False):
        assert (jump.builds_before, jump.builds_after) == (jump.place - begin, end - jump.place)
        assert min(jump.builds_before, jump.builds_after) >= LEAST_BUILDS
        assert jump.before == np.median(values[begin : jump.place])
        assert jump.after == np.median(values[jump.place : end])
        assert max(jump.ratio, 1 / jump.ratio) >= 1.2 - 1e-9
        assert abs(jump.after - jump.before) >= 2 - 1e-9
        assert abs(np.log(jump.ratio)) >= 2 * jump.noise - 1e-9


def test_the_library_is_imported_when_something_is_looked_for() -> None:
    code = "import sys, pipecat_nb; pipecat_nb.frame([]).builds; assert 'changeforest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
