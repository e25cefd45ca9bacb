"""Builds as a DataFrame: one row a build, columns in a fixed order, dtypes fixed also when it is empty."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from pipecat_nb.models import STATUSES, Build, format_time, parse_int, parse_time
from pipecat_nb.settings import Target

# Series are made of columns, never of rows: a hundred thousand builds must not take seconds.
Values = Sequence[Any]
Reader = Callable[[Values], "pd.Series[Any]"]


def _texts(values: Values) -> "pd.Series[Any]":
    texts = [None if value is None else str(value) for value in values]
    return pd.Series(texts, dtype=pd.StringDtype("python"))


def _statuses(values: Values) -> "pd.Series[Any]":
    """The service's statuses in the order of a build's life, those that it does not have today after them."""
    texts = [str(value) if value else None for value in values]
    others = sorted({text for text in texts if text} - set(STATUSES))
    return pd.Series(pd.Categorical(texts, categories=[*STATUSES, *others], ordered=True))


def _times(values: Values) -> "pd.Series[Any]":
    times = [parse_time(value) for value in values]
    naive = [None if time is None else time.replace(tzinfo=None) for time in times]
    return pd.Series(np.array(naive, dtype="datetime64[us]")).dt.tz_localize("UTC")


def _counts(values: Values) -> "pd.Series[Any]":
    counts = [parse_int(value) for value in values]
    possible = [count if count is not None and 0 <= count < 2**63 else None for count in counts]
    return pd.Series(possible, dtype="Int64")


def _durations(values: Values) -> "pd.Series[Any]":
    seconds = pd.Series([_seconds(value) for value in values], dtype="float64")
    return pd.to_timedelta(seconds, unit="s").astype("timedelta64[us]")


def _seconds(value: Any) -> float | None:
    """Seconds, as a number or numeric text; what is negative or longer than a century was never measured."""
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < 3e9 else None


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
) -> pd.DataFrame:
    """Builds, or the service's JSON objects of them, as a DataFrame with one row for each, indexed by id.

    Columns, always these and in this order: `status` (ordered categorical), `region`, `dockerfile_path`,
    `context_hash` (string), `created_at`, `started_at`, `completed_at`, `updated_at` (datetime64[us, UTC]),
    `queue_time`, `build_time` (timedelta64[us]), `context_size`, `image_size` (Int64, bytes), `image_uri`,
    `logs_url`, `error_message`, `repository`, `ref`, `commit` (string); from the local record (`record`: build
    id -> values) `cached` (boolean), `directory`, `note`, `git_commit`, `git_branch` (string), `git_dirty`
    (boolean), `pack_time`, `upload_time` (timedelta64[us]), `files` (Int64); `target` (string). Fields of the
    service that are none of these follow as objects under their own names, or as `service_…` where one of these
    has that name.

    `attrs` holds `target`, `organization` and `fetched_at` (texts), and `flawed`: how many rows lack an id, or
    hold a value that cannot be true or be read. Those rows are kept, with that value missing.
    """
    rows = [_row(build) for build in builds]
    ids = _texts([row.get("id") or None for row in rows])
    flawed = ids.isna().to_numpy()
    data: dict[str, pd.Series[Any]] = {}
    for column, (name, read) in _FROM_SERVICE.items():
        values = [row.get(name) for row in rows]
        data[column] = read(values)
        flawed = flawed | data[column].isna().to_numpy() & np.array(
            [value is not None for value in values], dtype=bool
        )
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

    known = [(record or {}).get(id_, {}) for id_ in ids]
    data |= {column: read([each.get(column) for each in known]) for column, read in _FROM_RECORD.items()}
    data["target"] = _texts([target.label if target else None] * len(rows))

    table = pd.DataFrame({column: data[column] for column in COLUMNS} | _unknown_fields(rows))
    table.index = pd.Index(ids, name="id")
    # Texts and numbers only: pandas writes them to Parquet as JSON.
    table.attrs = {
        "target": target.label if target else None,
        "organization": target.org if target else None,
        "fetched_at": format_time(fetched_at or datetime.now(UTC)),
        "flawed": int(flawed.sum()),
    }
    return table


def _row(build: Any) -> Mapping[str, Any]:
    if isinstance(build, Build):
        return build.to_json()
    return build if isinstance(build, Mapping) else {}


def _unknown_fields(rows: Sequence[Mapping[str, Any]]) -> dict[str, "pd.Series[Any]"]:
    """What the service sends beyond the fields of today, in the order in which it came."""
    known = {*_ELSEWHERE, *(name for name, _ in _FROM_SERVICE.values())}
    # A dict keeps the order, which a set would not.
    names = dict.fromkeys(name for row in rows for name in row if name not in known)
    return {
        f"service_{name}" if name in COLUMNS else str(name): pd.Series(
            [row.get(name) for row in rows], dtype=object
        )
        for name in names
    }
