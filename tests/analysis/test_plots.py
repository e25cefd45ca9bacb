"""Charts, by what they draw: bars, points, labels, ticks. All are drawn to their end, with warnings as errors."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import num2date
from matplotlib.figure import Figure

from pipecat_nb.analysis import frame, steps_frame
from pipecat_nb.analysis.plots.durations import rolling_median, window_of
from pipecat_nb.analysis.plots.palette import in_order, look
from pipecat_nb.analysis.plots.units import SIZE, size_ticks, unit_for, words
from pipecat_nb.errors import NotBuilds
from pipecat_nb.logs import Step
from pipecat_nb.models import STATUSES

from .made import build, failure, table

KINDS = ("timeline", "durations", "sizes", "outcomes", "cache")


def drawn(ax: Axes) -> Axes:
    """The same axes, after all that is on them was drawn."""
    FigureCanvasAgg(ax.figure).draw()
    return ax


def texts(ax: Axes) -> list[str]:
    found = [text.get_text() for text in ax.texts]
    return [text for text in found if text]


def labels(ax: Axes, which: str) -> list[str]:
    axis = ax.xaxis if which == "x" else ax.yaxis
    return [text.get_text() for text in axis.get_ticklabels() if text.get_text()]


def key(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def many(number: int, *, days: float) -> pd.DataFrame:
    rng = random.Random(7)
    end = datetime(2026, 3, 1, tzinfo=UTC)
    rows = []
    for place in range(number):
        created = end - timedelta(days=days * place / number)
        built = rng.randint(30, 300)
        times = [created, created + timedelta(seconds=9), created + timedelta(seconds=9 + built)]
        texts_ = [time.isoformat().replace("+00:00", "Z") for time in times]
        rows.append(
            build(
                place,
                status=rng.choice(["success", "success", "failed", "timeout"]),
                buildDurationSeconds=built,
                **dict(zip(("createdAt", "startedAt", "completedAt"), texts_, strict=True)),
            )
        )
    return frame(rows, record={row["id"]: {"cached": rng.random() < 0.3} for row in rows})


def test_timeline_draws_the_queue_and_the_build_of_each() -> None:
    rows = table(build(1), failure(3, "x", completedAt="2026-02-20T12:03:40Z"))
    ax = drawn(rows.builds.plot.timeline())
    bars = [bar for bar in ax.patches if bar.get_width() > 0]
    spans = sorted(
        (bar.get_y() + bar.get_height() / 2, round(bar.get_width() * 86400), bar.get_alpha()) for bar in bars
    )
    # The latest is on top: the axis goes down.
    assert spans == [(0.0, 10, 0.4), (0.0, 30, None), (1.0, 10, 0.4), (1.0, 60, None)]
    assert ax.yaxis_inverted()
    assert [bar.get_hatch() for bar in bars if bar.get_alpha() is None] == ["", "////"]
    assert labels(ax, "y") == ["b3", "b1"]
    assert texts(ax) == ["1.0 min, queued 10 s", "1.0 min, queued 10 s", "2 builds"]
    assert key(ax) == ["queued", "success", "failed"]
    assert {line.get_marker() for line in ax.lines} == {"o", "X"}
    begin, end = (num2date(x) for x in ax.get_xlim())
    assert begin < datetime(2026, 2, 20, 12, 1, tzinfo=UTC) < datetime(2026, 2, 20, 12, 3, 40, tzinfo=UTC) < end
    assert ax.get_xlabel().endswith("(UTC)")


def test_timeline_of_builds_that_go_on_reaches_to_when_they_were_looked_at() -> None:
    running = build(1, status="building", completedAt=None, buildDurationSeconds=None)
    waiting = build(2, status="pending", startedAt=None, completedAt=None, buildDurationSeconds=None)
    rows = frame([running, waiting], fetched_at=datetime(2026, 2, 20, 12, 5, tzinfo=UTC))
    ax = drawn(rows.builds.plot.timeline())
    spans = {round(bar.get_width() * 86400): bar.get_alpha() for bar in ax.patches if bar.get_width() > 0}
    assert spans == {10: 0.4, 230: None, 180: 0.4}
    assert texts(ax) == ["pending", "building, queued 10 s", "2 builds"]


def test_timeline_limits_itself_and_says_so() -> None:
    rows = many(10_000, days=100)
    ax = drawn(rows.builds.plot.timeline())
    assert texts(ax)[-1].startswith("the latest 40 of 10,000 builds")
    assert len(labels(ax, "y")) == 40
    assert labels(ax, "y")[0] == "b0"
    assert len(labels(drawn(rows.builds.plot.timeline(most=5)), "y")) == 5


def test_timeline_says_when_bars_are_too_short_to_be_seen() -> None:
    word = "to scale: most bars are shorter than their marker"
    assert word in texts(drawn(many(20, days=100).builds.plot.timeline()))[-1]
    assert word not in texts(drawn(many(20, days=0.1).builds.plot.timeline()))[-1]


def test_durations_have_a_rolling_median_and_marks() -> None:
    rows = table(*(build(number, buildDurationSeconds=60 * number) for number in range(1, 8)), failure(9, "x"))
    ax = drawn(rows.builds.plot.durations(marks={"b4": "slower since $5", "gone": "never"}))
    points = {line.get_label(): line for line in ax.lines}
    assert points["success"].get_ydata().tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert points["failed"].get_ydata().tolist() == [1]
    assert points["_median"].get_ydata().tolist() == [2, 2.5, 3, 4, 5, 5.5, 6]
    assert ax.get_ylabel() == "build time (min)"
    assert ax.get_ylim()[0] == 0
    assert key(ax) == ["success 7", "failed 1"]
    assert texts(ax) == ["median of 5\nbuilds: 6.0 min", "slower since $5", "8 builds"]


def test_the_median_rolls_over_a_window_that_fits() -> None:
    assert [window_of(number) for number in (0, 5, 100, 400, 10_000)] == [5, 5, 5, 21, 101]
    assert rolling_median([1.0, 9, 2, 8, 3], 3).tolist() == [5, 2, 8, 3, 5.5]


def test_sizes_are_two_lines_named_at_their_ends() -> None:
    rows = table(build(1), build(2, imageSizeBytes=1024**3), build(3, imageSizeBytes=0, contextSizeBytes=None))
    ax = drawn(rows.builds.plot.sizes())
    lines = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert lines == {"image": [500 * 1024**2, 1024**3], "context": [10 * 1024**2, 10 * 1024**2]}
    assert texts(ax) == ["image 1.0 GB", "context 10 MB", "2 builds; 1 without a size left out; logarithmic scale"]
    assert labels(ax, "y") == ["10 MB", "20 MB", "50 MB", "100 MB", "200 MB", "500 MB", "1 GB"]


def test_names_of_lines_that_end_together_are_apart() -> None:
    rows = table(build(1, imageSizeBytes=1000, contextSizeBytes=1000))
    ax = drawn(rows.builds.plot.sizes())
    image, context = (text.get_window_extent() for text in ax.texts[:2])
    assert not image.overlaps(context)


def test_outcomes_are_stacked_by_day() -> None:
    day = {"createdAt": "2026-02-22T00:00:00Z"}
    rows = table(build(1), failure(2, "x"), failure(3, "x"), build(4, **day), build(5, status="frozen", **day))
    ax = drawn(rows.builds.plot.outcomes())
    bars = {
        container.get_label(): [
            (bar.get_x() + bar.get_width() / 2, bar.get_y(), bar.get_height()) for bar in container
        ]
        for container in ax.containers
    }
    first = (datetime(2026, 2, 20) - datetime(1970, 1, 1)).days
    assert bars == {
        "success 2": [(first, 0, 1), (first + 2, 0, 1)],
        "failed 2": [(first, 1, 2)],
        "frozen 1": [(first + 2, 1, 1)],
    }
    assert labels(ax, "x") == ["20 Feb\n2026", "21 Feb", "22 Feb"]
    assert ax.get_xlabel() == "created, by day (UTC)"
    assert "40 % of 5 that have ended succeeded" in texts(ax)
    assert all(value == int(value) for value in ax.get_yticks())


def test_outcomes_of_years_are_by_month() -> None:
    rows = table(build(1), build(2, createdAt="2023-11-30T23:59:59Z"))
    ax = drawn(rows.builds.plot.outcomes())
    assert ax.get_xlabel() == "created, by month (UTC)"
    assert labels(ax, "x")[0] == "Nov\n2023"
    weeks = drawn(rows.builds.plot.outcomes(by="week"))
    assert labels(weeks, "x")[0] == "27 Nov\n2023"


def test_cache_shows_time_spent_and_saved() -> None:
    rows = table(build(1), build(2, buildDurationSeconds=240), failure(3, "x"), cached={"b1": False, "b2": True})
    ax = drawn(rows.builds.plot.cache())
    heights = {container.get_label(): [bar.get_height() for bar in container] for container in ax.containers}
    assert heights == {"spent": [6], "saved": [4]}
    assert texts(ax)[0] == "1"
    assert texts(ax)[1].startswith("1 of 2 started here (50 %); 4.0 min saved, 6.0 min spent")


def test_steps_are_the_costliest_with_how_often_they_were_cached() -> None:
    made = [
        Step("COPY . .", state="done", seconds=2),
        Step("RUN pip install $X", state="done", seconds=50),
        Step("RUN pip install $X", state="cached", seconds=0),
        Step("FROM a", state="cached"),
    ]
    rows = table(build(1))
    ax = drawn(rows.builds.plot.steps(steps_frame(made)))
    assert [bar.get_width() for bar in ax.patches] == [50, 2]
    assert labels(ax, "y") == ["RUN pip install $X", "COPY . ."]
    assert texts(ax)[:2] == ["median 50 s, cached 1 of 2", "median 2 s, cached 0 of 1"]
    assert "There are no steps." in texts(drawn(rows.builds.plot.steps(steps_frame([]))))
    with pytest.raises(NotBuilds, match="lacks name, state, duration"):
        rows.builds.plot.steps(pd.DataFrame())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [1, 2, 10_000])
def test_one_build_and_ten_thousand(kind: str, number: int) -> None:
    ax = drawn(getattr(many(number, days=400).builds.plot, kind)())
    assert 1 <= len(labels(ax, "x")) <= 10
    assert ax.get_xlabel().endswith("(UTC)")
    extents = [text.get_window_extent() for text in ax.get_xticklabels() if text.get_text()]
    assert not any(one.overlaps(other) for one, other in pairwise(extents))
    if number == 1:
        begin, end = ax.get_xlim()
        assert end - begin < 8


@pytest.mark.parametrize("kind", KINDS)
def test_where_there_is_nothing_to_draw_words_say_why(kind: str) -> None:
    ax = drawn(getattr(frame([]).builds.plot, kind)())
    assert texts(ax) == ["There are no builds."]
    ax = drawn(getattr(frame([{"status": "failed"}] * 2).builds.plot, kind)())
    assert "of 2 builds" in texts(ax)[0]
    assert not ax.patches
    assert not labels(ax, "x")


@pytest.mark.parametrize("kind", KINDS)
def test_given_axes_are_drawn_on_and_returned_in_their_own_style(kind: str) -> None:
    with mpl.rc_context({"text.color": "white", "axes.titlecolor": "white", "axes.facecolor": "black"}):
        ax = Figure().add_subplot()
        assert getattr(many(30, days=3).builds.plot, kind)(ax=ax) is ax
        assert ax.get_facecolor() == (0, 0, 0, 1)
        assert {text.get_color() for text in ax.texts} == {"white"}
        drawn(ax)


def test_own_axes_show_themselves_and_leave_nothing_behind() -> None:
    before = dict(mpl.rcParams)
    with mpl.rc_context({"figure.facecolor": "black", "text.color": "white"}):
        ax = table(build(1)).builds.plot.outcomes()
    png, metadata = ax._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert metadata == {"width": 860, "height": 340, "alt": "Outcomes"}
    assert ax.figure.get_facecolor() == (1, 1, 1, 1)
    assert {text.get_color() for text in ax.texts} == {"#24292f"}
    assert dict(mpl.rcParams) == before


def test_names_of_directories_are_shown_as_they_are_or_as_the_font_can() -> None:
    rows = frame(
        [build(1), build(2)],
        record={"b1": {"directory": "/a/$x_1$"}, "b2": {"directory": "C:\\日本\\agent\u202e"}},
    )
    assert labels(drawn(rows.builds.plot.timeline()), "y") == ["agent b2", "$x_1$ b1"]
    rows = frame([build(1)], record={"b1": {"directory": "/日本"}})
    assert labels(drawn(rows.builds.plot.timeline()), "y") == ["?? b1"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_status_that_looks_like_a_formula_is_text_on_given_axes_too(kind: str) -> None:
    rows = table(build(1, status="$\\frac$"), build(2, status="$x^$"), cached={"b1": True})
    drawn(getattr(rows.builds.plot, kind)(ax=Figure().add_subplot()))


def test_every_status_looks_different_without_colour() -> None:
    looks = [look(status) for status in (*STATUSES, "frozen")]
    for what in ("hatch", "marker"):
        assert len({getattr(each, what) for each in looks}) == len(looks)
    assert len({each.colour for each in looks[:-1]}) == len(looks) - 1
    assert in_order(["z", "pending", "success", "a", "z"]) == ["success", "pending", "a", "z"]


@pytest.mark.parametrize(
    ("seconds", "unit", "text"),
    [
        (0, "s", "0 s"),
        (0.25, "s", "0.2 s"),
        (59, "s", "59 s"),
        (119, "s", "2.0 min"),
        (120, "min", "2.0 min"),
        (7199, "min", "2.0 h"),
        (7200, "h", "2.0 h"),
        (360_000, "h", "100 h"),
        (900, "min", "15 min"),
    ],
)
def test_units_of_time(seconds: float, unit: str, text: str) -> None:
    assert unit_for(seconds).name == unit
    assert words(seconds) == text


def test_units_of_size() -> None:
    sizes = [0, 1023, 1024, 10 * 1024**2, 1536 * 1024**2]
    assert [words(size, SIZE) for size in sizes] == ["0 B", "1023 B", "1.0 kB", "10 MB", "1.5 GB"]


@given(st.floats(1, 1e13), st.floats(1, 1e13))
def test_ticks_of_sizes_are_few_and_inside(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = size_ticks(low, high)
    assert len(ticks) <= 8
    assert all(low <= tick <= high for tick in ticks)
    assert ticks == sorted(set(ticks))


TIMES = st.one_of(
    st.none(),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda time: f"{time.isoformat()}Z"),
    st.datetimes(datetime(2026, 2, 1), datetime(2026, 2, 3)).map(lambda time: f"{time.isoformat()}Z"),
)
COUNTS = st.one_of(st.none(), st.integers(0, 2**62), st.sampled_from(["12", "x", -1, 1.5]))
ODD = st.fixed_dictionaries(
    {},
    optional={
        "id": st.one_of(st.none(), st.text(max_size=12)),
        "status": st.one_of(st.none(), st.sampled_from([*STATUSES, ""]), st.text(max_size=8)),
        "createdAt": TIMES,
        "startedAt": TIMES,
        "completedAt": TIMES,
        "buildDurationSeconds": st.one_of(COUNTS, st.floats(0, 1e9)),
        "contextSizeBytes": COUNTS,
        "imageSizeBytes": COUNTS,
        "errorMessage": st.one_of(st.none(), st.text(max_size=40)),
    },
)


#: A chart takes a fifth of a second: a failure would be shrunk for minutes.
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=25, deadline=None, phases=NO_SHRINKING, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ODD, max_size=6), st.booleans(), st.text(max_size=10))
def test_oddly_filled_frames_are_drawn_and_told_of(rows: list[dict[str, Any]], cached: bool, name: str) -> None:
    record = {str(row.get("id")): {"cached": cached, "directory": name} for row in rows}
    builds = frame(rows, record=record).builds
    for kind in KINDS:
        drawn(getattr(builds.plot, kind)())
    assert builds.summary().loc["all", "builds"] == len(rows)
    for by in ("status", "day", "week", "month", "error_message"):
        assert builds.summary(by)["builds"].sum() == len(rows)
    bad = sum(row.get("status") in ("failed", "timeout") for row in rows)
    assert builds.failures()["count"].sum() == bad


def test_points_are_where_their_times_are() -> None:
    ax = table(build(7)).builds.plot.durations()
    (point,) = ax.lines
    assert num2date(float(np.asarray(point.get_xdata())[0])) == datetime(2026, 2, 20, 12, 7, tzinfo=UTC)
