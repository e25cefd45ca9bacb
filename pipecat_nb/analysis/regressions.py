"""Since which build the builds take longer, or their images are larger: jumps told from noise. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from pipecat_nb.analysis.outcome import succeeded
from pipecat_nb.analysis.summary import key_of
from pipecat_nb.errors import InvalidMeasure
from pipecat_nb.quantities import duration, size

Measure = Literal["build_time", "image_size"]
Values: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

#: What is compared with its like only: other code, another Dockerfile or other machines are no regression.
LIKE = ("directory", "dockerfile_path", "region")

#: Builds that there have to be on each side of a change: fewer are as well a few odd ones.
LEAST_BUILDS = 5

#: A jump is at least so many times what builds differ by anyway.
LEAST_NOISES = 2.0

#: Of all pairs of a build before and one after, more than so many differ in the jump's direction: what is now fast
#: and now slow, as the cache has it, can have little spread around its median.
LEAST_PAIRS = 0.9

#: measure -> the least ratio of the medians, and the least difference, that anybody would look into. Times vary
#: with the machine and come in whole seconds; the same files make an image of the same size.
_LEAST: dict[Measure, tuple[float, float]] = {"build_time": (1.2, 2.0), "image_size": (1.05, 1024.0**2)}

#: The most regressions that are told in a chart.
MOST_TOLD = 6

_TEXT = pd.StringDtype("python")
_COPIED = ("git_commit", "note", *LIKE)


@dataclass(frozen=True)
class Jump:
    """The first value after a change, how many there are on each side, their medians, what they differ by anyway.

    `pairs` is the share of pairs across it that differ in its direction.
    """

    place: int
    builds_before: int
    builds_after: int
    before: float
    after: float
    noise: float
    pairs: float

    @property
    def ratio(self) -> float:
        return self.after / self.before


def regressions(
    table: pd.DataFrame, *, of: Measure = "build_time", by: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """The builds since which build times, or images, are larger than before, the latest first.

    Columns: `build` (its id), `created_at`, `before` and `after` (medians: durations, or bytes), `ratio`,
    `builds_before` and `builds_after` (how many these are of, up to the change before and after), `noise` (what
    they differ by anyway, as a share: 0.1 is 10 %), `git_commit`, `note`, `directory`, `dockerfile_path`,
    `region`, and other columns named by `by`, as texts. Noise can hide which build it was exactly: look at its
    neighbours too. What drifts, or goes up and down for days, can be told as a jump.

    Builds that succeeded are compared in the order of their creation, with those of the same directory,
    Dockerfile and region, or of the same `by`: a column, several, or none at all (`by=[]`). Changes are found by
    seeded binary segmentation of the values' ranks (Kovács et al., Biometrika 2023). Of these a regression has
    five builds or more on each side, nine in ten of which differ, and a jump of at least twice the noise and of
    20 % and 2 s, or for images of 5 % and 1 MiB.
    Raises InvalidMeasure and InvalidGrouping.
    """
    if of not in get_args(Measure):
        raise InvalidMeasure(
            f"Regressions are not of {of!r}.", hint=f"They are of {' or '.join(get_args(Measure))}."
        )
    names = (
        [name for name in LIKE if name in table.columns] if by is None else [by] if isinstance(by, str) else [*by]
    )
    keys = pd.DataFrame({name: key_of(table, name).to_numpy() for name in names}, index=range(len(table)))
    values = _numbers(table, of)
    good = succeeded(table).to_numpy() & table["created_at"].notna().to_numpy() & (values > 0)
    places = np.flatnonzero(good)[np.argsort(table["created_at"].to_numpy()[good], kind="stable")]
    numbers = keys.iloc[places].groupby(names, dropna=False, observed=True).ngroup().to_numpy() if names else None
    found: list[tuple[int, Jump]] = []
    for group in [places] if numbers is None else [places[numbers == number] for number in np.unique(numbers)]:
        ratio, step = _LEAST[of]
        found += [
            (int(group[jump.place]), jump)
            for jump in jumps(values[group], least_ratio=ratio, least_step=step)
            if jump.ratio > 1
        ]
    return _frame(table, found, of, keys)


def told(found: pd.DataFrame) -> dict[str, str]:
    """Build id -> a regression in a few words, of those that tell most: more would stand on each other."""
    largest = found.dropna(subset="build").nlargest(MOST_TOLD, "ratio").sort_values("created_at")
    return {
        str(build): f"{_words(before)} → {_words(after)}"
        for build, before, after in zip(largest["build"], largest["before"], largest["after"], strict=True)
    }


def _words(value: Any) -> str:
    return duration(value.total_seconds()) if isinstance(value, timedelta) else size(int(value))


def jumps(values: Values, *, least_ratio: float, least_step: float) -> list[Jump]:
    """Where positive values begin to be larger, or smaller, and stay so; in their order."""
    logs = np.log(values)
    at = _changes(logs)
    while at:
        bounds = [0, *at, len(values)]
        found = [_jump(values, logs, *bounds[number : number + 3]) for number in range(len(at))]
        # The least of those that are none goes first: without it, its neighbours have more builds to be judged by.
        short = [_strength(jump, least_ratio=least_ratio, least_step=least_step) for jump in found]
        least = int(np.argmin(short))
        if short[least] >= 1:
            return found
        del at[least]
    return []


def _changes(logs: Values) -> list[int]:
    """Where the values' level may change. Of their ranks, which a single odd value does not move far."""
    count = len(logs)
    if count < 2 * LEAST_BUILDS or logs.min() == logs.max():
        return []
    # An extension module, needed here only.
    from changeforest import Control, changeforest  # noqa: PLC0415

    ranks = pd.Series(logs).rank().to_numpy()
    ranks = (ranks - ranks.mean()) / ranks.std()
    # Four times what one more level costs by the BIC, which is too little where the best of many places is taken;
    # of few builds, nearly what two levels without any noise come to, which is three quarters.
    control = Control(
        minimal_relative_segment_length=(LEAST_BUILDS - 1) / count,
        minimal_gain_to_split=min(4 * np.log(count), 0.7 * count),
    )
    at = sorted(map(int, changeforest(ranks.reshape(-1, 1), "change_in_mean", "sbs", control).split_points()))
    if not at:
        return []
    # Among builds of another level ranks hardly differ: each stretch is looked through by ranks of its own.
    ends = pairwise([0, *at, count])
    return sorted([*at, *(begin + place for begin, end in ends for place in _changes(logs[begin:end]))])


def _jump(values: Values, logs: Values, begin: int, place: int, end: int) -> Jump:
    sides = slice(begin, place), slice(place, end)
    rests = np.concatenate([logs[side] - np.median(logs[side]) for side in sides])
    low, high = np.quantile(rests, [0.25, 0.75])
    return Jump(
        place=place,
        builds_before=place - begin,
        builds_after=end - place,
        before=float(np.median(values[sides[0]])),
        after=float(np.median(values[sides[1]])),
        # The quartiles of a normal distribution are so many standard deviations apart.
        noise=float(high - low) / 1.349,
        pairs=_pairs(logs[sides[0]], logs[sides[1]]),
    )


def _pairs(before: Values, after: Values) -> float:
    """In which share of pairs the later value is larger, or smaller where most are: the Mann-Whitney statistic."""
    ranks = pd.Series(np.concatenate([before, after])).rank().to_numpy()[len(before) :]
    share = float((ranks.sum() - len(after) * (len(after) + 1) / 2) / (len(before) * len(after)))
    return max(share, 1 - share)


def _strength(jump: Jump, *, least_ratio: float, least_step: float) -> float:
    """How far a jump is from being none; below 1 it is none."""
    if min(jump.builds_before, jump.builds_after) < LEAST_BUILDS or jump.pairs <= LEAST_PAIRS:
        return 0
    height = abs(np.log(jump.ratio))
    return float(
        min(
            height / np.log(least_ratio),
            abs(jump.after - jump.before) / least_step,
            height / (LEAST_NOISES * jump.noise) if jump.noise else np.inf,
        )
    )


def _numbers(table: pd.DataFrame, of: Measure) -> Values:
    """Seconds or bytes; 0 where nothing is known, which no build takes."""
    if of == "build_time":
        return np.asarray(table[of].dt.total_seconds().fillna(0), dtype=np.float64)
    return np.asarray(table[of].astype("Float64").fillna(0), dtype=np.float64)


def _frame(table: pd.DataFrame, found: list[tuple[int, Jump]], of: Measure, keys: pd.DataFrame) -> pd.DataFrame:
    places = [place for place, _ in found]
    rows = table.iloc[places]

    def texts(values: Any) -> "pd.Series[Any]":
        told = pd.Series(values, dtype=object)
        return told.where(told.isna(), told.astype(str)).astype(_TEXT)

    def medians(values: list[float]) -> "pd.Series[Any]":
        if of == "image_size":
            return pd.Series([round(value) for value in values], dtype="Int64")
        return pd.Series([round(value * 1e6) for value in values], dtype="int64").astype("timedelta64[us]")

    data: dict[str, pd.Series[Any]] = {
        "build": texts(rows.index.to_numpy(dtype=object)),
        "created_at": pd.Series(rows["created_at"].array).dt.tz_convert("UTC").astype("datetime64[us, UTC]"),
        "before": medians([jump.before for _, jump in found]),
        "after": medians([jump.after for _, jump in found]),
        "ratio": pd.Series([jump.ratio for _, jump in found], dtype="Float64"),
        "builds_before": pd.Series([jump.builds_before for _, jump in found], dtype="Int64"),
        "builds_after": pd.Series([jump.builds_after for _, jump in found], dtype="Int64"),
        "noise": pd.Series([jump.noise for _, jump in found], dtype="Float64"),
    }
    for name in _COPIED:
        known = rows[name].to_numpy(dtype=object) if name in rows.columns else [None] * len(rows)
        data[name] = texts(known)
    # A grouping by what is no column here, or by another column, is told too.
    data |= {name: texts(keys[name].to_numpy(dtype=object)[places]) for name in map(str, keys) if name not in data}
    return pd.DataFrame(data).sort_values("created_at", ascending=False, kind="stable", ignore_index=True)
