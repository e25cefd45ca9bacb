"""The trends: figures and a chart of the latest builds."""

from typing import Any

from pipecat_nb.notebook.widgets import trends
from pipecat_nb.notebook.widgets.table import Row
from pipecat_nb.notebook.widgets.trends import Trends

from ..test_card import Page

MOODS = {"success": "good", "failed": "bad", "timeout": "bad", "building": "live"}


def row(number: int, status: str = "success", **changes: Any) -> Row:
    known: dict[str, Any] = {
        "id": f"build-{number}",
        "status": status,
        "mood": MOODS.get(status, "unknown"),
        "sign": "",
        "name": "agent",
        "region": "us-west",
        "created": "",
        "queue": None,
        "build": float(number),
        "size": None,
        "commit": "",
        "note": "",
        "cached": False,
    }
    return Row(**(known | changes))  # type: ignore[typeddict-item]


def test_figures_of_builds_that_have_ended() -> None:
    rows = [
        *(row(number) for number in range(1, 21)),
        row(1000, "failed"),
        row(1001, "timeout"),
        row(1002, "building", build=None),
        row(21, cached=True),
    ]
    found = Trends.of(rows, started_here=["build-21", "build-20", "build-1000", "elsewhere"])
    assert (found.ended, found.succeeded) == (23, 21)
    assert (found.median, found.slow) == (11.0, 20.0)
    assert (found.started_here, found.found_again) == (3, 1)
    assert dict(found.facts) == {
        "success rate": "91 %: 21 of 23 that have ended",
        "build time": "median 11 s, 95 % within 20 s",
        "cache": "33 %: 1 of 3 started here were found again in the cache",
    }


def test_only_failures() -> None:
    found = Trends.of([row(1, "failed")], started_here=[])
    assert dict(found.facts) == {"success rate": "0 %: 0 of 1 that have ended"}


def test_nothing_has_ended() -> None:
    assert "No build has ended yet" in trends.html([])
    assert "No build has ended yet" in trends.html([row(1, "building")])


def test_the_chart_says_in_words_what_it_shows() -> None:
    page = Page(trends.html([row(30), row(60, "failed"), row(10), row(5, "building", build=None)], key="k"))
    bars = [attrs for tag, attrs in page.tags if tag == "rect" and attrs.get("x")]
    assert [bar["data-mood"] for bar in bars] == ["good", "bad", "good"]  # the oldest on the left
    assert [bar.get("fill") for bar in bars] == [None, "url(#k-hatch)", None]
    assert [float(bar["height"] or 0) for bar in bars] == [20.0, 120.0, 60.0]
    assert ("svg", "img") in [(tag, attrs.get("role")) for tag, attrs in page.tags]
    assert "Build times of 3 builds, the oldest on the left" in page.text
    assert (
        "The longest took 1 min 00 s. 1 failed. The line is the median of those that succeeded, 20 s." in page.text
    )
    assert [word for word in page.words if word in ("succeeded", "failed", "ended otherwise")] == [
        "succeeded",
        "failed",
    ]


def test_the_latest_hundred_only() -> None:
    page = Page(trends.html([row(number) for number in range(1, 300)]))
    assert "Of the last 100 builds" in page.text
    assert len([1 for tag, attrs in page.tags if tag == "rect" and attrs.get("x")]) == 100


def test_builds_that_took_no_time_and_hostile_names() -> None:
    html = trends.html([row(0, name="<script>x</script>"), row(0)])
    assert "<script>" not in html
    assert "nan" not in html
