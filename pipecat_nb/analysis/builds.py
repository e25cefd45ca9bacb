"""Builds as a DataFrame: one row a build, columns in a fixed order, dtypes fixed also when it is empty."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from pipecat_nb.analysis.buildframe import BuildFrame
from pipecat_nb.models import STATUSES, Build, format_time, parse_int, parse_time
from pipecat_nb.settings import Target

# Series are made of columns, never of rows: a hundred thousand builds must not take seconds.
Values = Sequence[Any]
Reader = Callable[[Values], "pd.Series[Any]"]


def _texts(values: Values) -> "pd.Series[Any]":
    texts = np.array(values, dtype=object)
    if texts.ndim == 1:
        texts[_nothing(values)] = pd.NA
        with contextlib.suppress(ValueError):  # something that is no text
            return pd.Series(pd.arrays.StringArray(texts))
    return _texts([None if value is None else str(value) for value in values])


def _nothing(values: Values) -> "np.ndarray[Any, np.dtype[np.bool_]] | slice":
    """Where there is no value, as an index."""
    if None in values:
        return np.array([value is None for value in values], dtype=bool)
    return slice(0)


def _statuses(values: Values) -> "pd.Series[Any]":
    """The service's statuses in the order of a build's life, those that it does not have today after them."""
    texts = [str(value) if value else None for value in values]
    others = sorted({text for text in texts if text} - set(STATUSES))
    categories = [*STATUSES, *others]
    codes = {text: code for code, text in enumerate(categories)} | {None: -1}
    numbers = np.array([codes[text] for text in texts], dtype="int64")
    dtype = pd.CategoricalDtype(categories, ordered=True)
    return pd.Series(pd.Categorical.from_codes(numbers, dtype=dtype))


def _times(values: Values) -> "pd.Series[Any]":
    try:
        times = _times_of_service(values)
    except (TypeError, ValueError):
        parsed = [parse_time(value) for value in values]
        times = np.array(
            [None if time is None else time.replace(tzinfo=None) for time in parsed], dtype="datetime64[us]"
        )
    return pd.Series(pd.DatetimeIndex(times).tz_localize("UTC"))


#: A time in the very form in which the service writes all of them: read at once, they take a tenth of the time.
_SAMPLE = "1970-01-01T00:00:00.000Z"


def _times_of_service(values: Values) -> "np.ndarray[Any, np.dtype[np.datetime64]]":
    """Times in the service's form, or None; raises ValueError or TypeError for any other."""
    nothing = _nothing(values)
    texts = [_SAMPLE if value is None else value for value in values] if None in values else values
    if {*map(len, texts)} - {len(_SAMPLE)}:
        raise ValueError("not in the service's form")
    written = "".join(texts).encode("ascii")
    letters = np.frombuffer(written, dtype="S1").reshape(-1, len(_SAMPLE))
    if (letters[:, 10] != b"T").any() or (letters[:, -1] != b"Z").any():
        raise ValueError("not in the service's form")
    # NumPy knows no time zones: without the Z.
    whole = np.frombuffer(written, dtype=f"S{len(_SAMPLE)}")
    times = whole.astype(f"S{len(_SAMPLE) - 1}").astype("datetime64[us]")
    times[nothing] = np.datetime64("NaT")
    return times


def _counts(values: Values) -> "pd.Series[Any]":
    counts = _whole(values)
    try:
        numbers = np.array([0 if count is None else count for count in counts], dtype="int64")
    except OverflowError:
        counts = [count if count is not None and 0 <= count < 2**63 else None for count in counts]
        numbers = np.array([0 if count is None else count for count in counts], dtype="int64")
    missing = np.array([count is None for count in counts], dtype=bool) | (numbers < 0)
    return pd.Series(pd.arrays.IntegerArray(numbers, missing))


def _whole(values: Values) -> list[int | None]:
    """Values as whole numbers; None for what is none."""
    if infer_dtype(values, skipna=True) in ("integer", "string"):
        try:
            return [None if value is None else int(value) for value in values]
        except ValueError:
            pass
    return [parse_int(value) for value in values]


def _durations(values: Values) -> "pd.Series[Any]":
    if infer_dtype(values, skipna=True) not in ("integer", "floating", "mixed-integer-float", "empty"):
        values = [_seconds(value) for value in values]
    seconds: pd.Series[Any] = pd.Series(values, dtype="float64")
    seconds = seconds.where((seconds >= 0) & (seconds < _CENTURY))
    return pd.to_timedelta(seconds, unit="s").astype("timedelta64[us]")


#: Seconds that no build takes: what is longer, or negative, was never measured.
_CENTURY = 3e9


def _seconds(value: Any) -> float | None:
    """Seconds, as a number or numeric text."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _flags(values: Values) -> "pd.Series[Any]":
    flags = [value if isinstance(value, bool) else None for value in values]
    return pd.Series(flags, dtype="boolean")


#: column -> (the service's name of it, how it is read)
_FROM_SERVICE: dict[str, tuple[str, Reader]] = {
    "status": ("status", _statuses),
    "region": ("region", _texts),
    "dockerfile_path": ("dockerfilePath", _texts),
    "context_hash": ("contextHash", _texts),
    "created_at": ("createdAt", _times),
    "started_at": ("startedAt", _times),
    "completed_at": ("completedAt", _times),
    "updated_at": ("updatedAt", _times),
    "build_time": ("buildDurationSeconds", _durations),
    "context_size": ("contextSizeBytes", _counts),
    "image_size": ("imageSizeBytes", _counts),
    "image_uri": ("imageUri", _texts),
    "logs_url": ("logsUrl", _texts),
    "error_message": ("errorMessage", _texts),
    "repository": ("repoFullName", _texts),
    "ref": ("ref", _texts),
    "commit": ("commitSha", _texts),
}

#: column, which is also the local record's name of it -> how it is read
_FROM_RECORD: dict[str, Reader] = {
    "cached": _flags,
    "directory": _texts,
    "note": _texts,
    "git_commit": _texts,
    "git_branch": _texts,
    "git_dirty": _flags,
    "pack_time": _durations,
    "upload_time": _durations,
    "files": _counts,
}

#: All columns that a frame always has, in their order.
COLUMNS = (
    *("status", "region", "dockerfile_path", "context_hash"),
    *("created_at", "started_at", "completed_at", "updated_at", "queue_time", "build_time"),
    *("context_size", "image_size", "image_uri", "logs_url", "error_message", "repository", "ref", "commit"),
    *_FROM_RECORD,
    "target",
)

#: Fields of the service that are no columns: the index, and what `attrs` says of all rows.
_ELSEWHERE = ("id", "organizationId")


def frame(
    builds: Iterable[Build | Mapping[str, Any]],
    *,
    record: Mapping[str, Mapping[str, Any]] | None = None,
    target: Target | None = None,
    fetched_at: datetime | None = None,
) -> BuildFrame:
    """Builds, or the service's JSON objects of them, as a DataFrame with one row for each, indexed by id.

    Columns, always these and in this order: `status` (ordered categorical), `region`, `dockerfile_path`,
    `context_hash` (string), `created_at`, `started_at`, `completed_at`, `updated_at` (datetime64[us, UTC]),
    `queue_time`, `build_time` (timedelta64[us]), `context_size`, `image_size` (Int64, bytes), `image_uri`,
    `logs_url`, `error_message`, `repository`, `ref`, `commit` (string); from the local record (`record`: build
    id -> values) `cached` (boolean), `directory`, `note`, `git_commit`, `git_branch` (string), `git_dirty`
    (boolean), `pack_time`, `upload_time` (timedelta64[us]), `files` (Int64); `target` (string). Fields of the
    service that are none of these follow as objects under their own names, or as `service_…` where one of these
    has that name. In a notebook or a terminal the columns that tell most are shown, in words.

    `attrs` holds `target`, `organization` and `fetched_at` (texts), and `flawed`: how many rows lack an id, or
    hold a value that cannot be true or be read. Those rows are kept, with that value missing.
    """
    rows = [build if type(build) is dict else _row(build) for build in builds]
    names = set().union(*rows)
    ids = _texts([row.get("id") or None for row in rows])
    flawed = ids.isna().to_numpy()
    data: dict[str, pd.Series[Any]] = {}
    for column, (name, read) in _FROM_SERVICE.items():
        if name not in names:
            data[column] = read([]).reindex(ids.index)
            continue
        values = [*map(dict.get, rows, repeat(name))]
        data[column] = read(values)
        missing = data[column].isna().to_numpy()
        if np.count_nonzero(missing) != values.count(None):
            flawed = flawed | missing & np.array([value is not None for value in values], dtype=bool)
    flawed = flawed | data["status"].isna().to_numpy()

    for column, begin, end in (
        ("queue_time", data["created_at"], data["started_at"]),
        ("build_time", data["started_at"], data["completed_at"]),
    ):
        took = (end - begin).astype("timedelta64[us]")
        backwards = took < pd.Timedelta(0)
        flawed = flawed | backwards.to_numpy()
        measured = data.get(column)
        took = took.mask(backwards)
        data[column] = took if measured is None else measured.fillna(took)

    data |= _from_record(ids, record or {})
    label = target.label if target else pd.NA
    data["target"] = pd.Series(label, index=ids.index, dtype=pd.StringDtype("python"))

    table = BuildFrame({column: data[column] for column in COLUMNS} | _unknown_fields(rows, names))
    table.index = pd.Index(ids, name="id")
    # Texts and numbers only: pandas writes them to Parquet as JSON.
    table.attrs = {
        "target": target.label if target else None,
        "organization": target.org if target else None,
        "fetched_at": format_time(fetched_at or datetime.now(UTC)),
        "flawed": int(flawed.sum()),
    }
    return table


def _row(build: Any) -> dict[str, Any]:
    if isinstance(build, Build):
        return build.to_json()
    return dict(build) if isinstance(build, Mapping) else {}


def _from_record(ids: "pd.Series[Any]", record: Mapping[str, Mapping[str, Any]]) -> dict[str, "pd.Series[Any]"]:
    """The local record's columns; most builds of others, or of another machine, are not in it."""
    places = [number for number, id_ in enumerate(ids) if id_ in record] if record else []
    known = [record[ids.iloc[place]] for place in places]
    columns = {}
    for column, read in _FROM_RECORD.items():
        values = read([each.get(column) for each in known])
        values.index = pd.Index(places, dtype="int64")
        columns[column] = values.reindex(ids.index)
    return columns


def _unknown_fields(rows: Sequence[dict[str, Any]], names: set[str]) -> dict[str, "pd.Series[Any]"]:
    """What the service sends beyond the fields of today, in the order in which it came."""
    known = {*_ELSEWHERE, *(name for name, _ in _FROM_SERVICE.values())}
    if names <= known:
        return {}
    # A dict keeps the order, which a set does not.
    unknown = dict.fromkeys(name for row in rows for name in row if name not in known)
    return {
        f"service_{name}" if name in COLUMNS else str(name): pd.Series(
            [row.get(name) for row in rows], dtype=object
        )
        for name in unknown
    }
