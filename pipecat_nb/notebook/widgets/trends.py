"""How the builds have gone lately: in words, and as a chart of their durations. Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Self

from pipecat_nb import models
from pipecat_nb.notebook import table
from pipecat_nb.notebook.style import CLASSES
from pipecat_nb.notebook.widgets.table import Row
from pipecat_nb.quantities import duration

#: The most builds that are looked at.
MOST = 100

#: The chart's measures, in its own units.
_WIDTH, _HEIGHT, _GAP = 600, 120, 1

_KINDS = {"good": "succeeded", "bad": "failed", "unknown": "ended otherwise"}


@dataclass(frozen=True, kw_only=True)
class Trends:
    """Figures of some builds: of those that have ended, and how long they were built (seconds)."""

    ended: int
    succeeded: int
    median: float | None
    slow: float | None
    started_here: int
    found_again: int

    @classmethod
    def of(cls, rows: Sequence[Row], *, started_here: Sequence[str]) -> Self:
        ended = [row for row in rows if row["mood"] != "live"]
        # A build that failed soon says nothing of how long one takes.
        times = sorted(row["build"] for row in ended if row["build"] is not None and row["mood"] == "good")
        ids = set(started_here)
        here = [row for row in rows if row["id"] in ids]
        return cls(
            ended=len(ended),
            succeeded=sum(row["status"] == models.SUCCESS for row in ended),
            median=statistics.median(times) if times else None,
            slow=times[math.ceil(0.95 * len(times)) - 1] if times else None,
            started_here=len(here),
            found_again=sum(row["cached"] for row in here),
        )

    @property
    def facts(self) -> list[tuple[str, str]]:
        """In words: what is known, and of how many."""
        rate = _percent(self.succeeded, self.ended)
        told = [("success rate", f"{rate}: {self.succeeded} of {self.ended} that have ended")]
        if self.median is not None and self.slow is not None:
            told.append(("build time", f"median {duration(self.median)}, 95 % within {duration(self.slow)}"))
        if self.started_here:
            hits = f"{self.found_again} of {self.started_here} started here were found again in the cache"
            told.append(("cache", f"{_percent(self.found_again, self.started_here)}: {hits}"))
        return told


def html(rows: Sequence[Row], *, started_here: Sequence[str] = (), key: str = "") -> str:
    """The figures and the chart of the latest builds, given the newest first; `key` tells it from other charts."""
    rows = rows[:MOST]
    trends = Trends.of(rows, started_here=started_here)
    if not trends.ended:
        return f'<div class="{CLASSES} pcb-trends">No build has ended yet: then their trends stand here.</div>'
    timed = [row for row in reversed(rows) if row["build"] is not None and row["mood"] != "live"]
    count = f"the last {len(rows)} builds" if len(rows) > 1 else "one build"
    chart = _chart(timed, trends, key) if timed else ""
    return (
        f'<section class="{CLASSES} pcb-trends" aria-label="Trends">'
        f'<div class="pcb-place">Of {count}:</div>{table.table(trends.facts)}{chart}</section>'
    )


def _chart(rows: Sequence[Row], trends: Trends, key: str) -> str:
    """One bar a build, the oldest on the left; failed ones are hatched as well as red."""
    longest = max(row["build"] or 0.0 for row in rows)
    step = _WIDTH / max(len(rows), 12)
    bars = "".join(_bar(row, number * step, step - _GAP, longest, key) for number, row in enumerate(rows))
    median = ""
    if trends.median is not None:
        y = _HEIGHT * (1 - _share(trends.median, longest))
        median = f'<line class="pcb-median" x1="0" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
    bad = sum(row["mood"] == "bad" for row in rows)
    title = f"Build times of {len(rows)} builds, the oldest on the left"
    said = f"The longest took {duration(longest)}. {bad} failed." + (
        f" The line is the median of those that succeeded, {duration(trends.median)}."
        if trends.median is not None
        else ""
    )
    hatch = (
        f'<pattern id="{key}-hatch" width="5" height="5" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect class="pcb-bar" data-mood="bad" width="3" height="5"/></pattern>'
    )
    kinds = [mood for mood in _KINDS if any(row["mood"] == mood for row in rows)]
    legend = "".join(f'<li data-mood="{mood}">{_KINDS[mood]}</li>' for mood in kinds)
    return (
        f'<figure class="pcb-chart"><svg role="img" aria-label="{title}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'preserveAspectRatio="none"><title>{title}</title><desc>{said}</desc>'
        f"<defs>{hatch}</defs>{bars}{median}</svg>"
        f'<figcaption><ul class="pcb-legend">{legend}</ul>{title}. {said}</figcaption></figure>'
    )


def _bar(row: Row, x: float, width: float, longest: float, key: str) -> str:
    seconds = row["build"] or 0
    height = max(2.0, _HEIGHT * _share(seconds, longest))
    fill = f' fill="url(#{key}-hatch)"' if row["mood"] == "bad" else ""
    told = escape(f"{row['name'] or row['id'][:8]}: {row['status']}, {duration(seconds)}")
    return (
        f'<rect class="pcb-bar" data-mood="{escape(row["mood"])}"{fill} x="{x:.1f}" y="{_HEIGHT - height:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}"><title>{told}</title></rect>'
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"
