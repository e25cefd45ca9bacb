"""The build history of an organization as a DataFrame."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipecat_nb import settings
from pipecat_nb.analysis.builds import frame
from pipecat_nb.analysis.catchup import catch_up
from pipecat_nb.analysis.period import Moment, moment
from pipecat_nb.analysis.progress import Progress
from pipecat_nb.client import Client
from pipecat_nb.errors import ConnectionFailed, DirectoryNotFound, InvalidFilter, LocalServiceError, UnknownRegion
from pipecat_nb.models import STATUSES, parse_time
from pipecat_nb.record import Record
from pipecat_nb.settings import Target

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]

_FIRST = datetime.min.replace(tzinfo=UTC)


def history(
    *,
    client: Client | None = None,
    status: str | None = None,
    region: str | None = None,
    context_hash: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: int | None = None,
    directory: str | PathLike[str] | None = None,
    refresh: bool = False,
) -> "pd.DataFrame":
    """All builds that match, newest first, as the DataFrame that `frame` describes.

    `since` and `until` bound the time of creation: `7d`, `36h`, `2026-02-20`, a datetime; what has no time zone
    is local. `limit` is the most rows, `directory` where builds were started on this machine.

    Builds that have ended are kept in the local record; the next call asks for what is new or had not ended, and
    `refresh` for all anew. Without a connection the frame holds what is known; then its `attrs["note"]` says so,
    and `attrs["fetched_at"]` as of when. An interruption loses nothing that came. Raises InvalidFilter or
    UnknownRegion, which say what is valid, or another PipecatError.
    """
    now = datetime.now(UTC)
    earliest = None if since is None else moment(since, now=now)
    latest = None if until is None else moment(until, now=now, end=True)
    if limit is not None and limit < 0:
        raise InvalidFilter(f"A history of {limit} builds cannot be.", hint="The limit is 0 or more.")
    client = client or Client()
    target = _target(client)
    record = Record(target.account)
    wanted = {
        "status": None if status is None else _status(status, record),
        "region": None if region is None else _region(region, record, client),
        "contextHash": context_hash,
    }
    filters = {name: value for name, value in wanted.items() if value is not None}
    cut = limit if latest is None and directory is None else None
    with Progress() as progress:
        found = catch_up(
            client, record.past, filters, now=now, most=cut, since=earliest, refresh=refresh, progress=progress
        )
    rows = _matching(found.rows, filters)
    if directory is not None:
        ids = record.built_from(_root(directory))
        rows = [row for row in rows if row.get("id") in ids]
    rows = [_here(row, target) for row in _newest(rows, earliest, latest)[:limit]]
    table = frame(rows, record=record.columns(), target=client.known_target, fetched_at=found.fetched_at)
    table.attrs["note"] = found.note
    if found.fetched_at is None:
        table.attrs["fetched_at"] = None
    return table


def _target(client: Client) -> Target:
    """The client's target, without a connection as far as it is known."""
    try:
        return client.target
    except (ConnectionFailed, LocalServiceError):
        known = client.known_target
        if known.kind == "token" and not known.org:  # whose builds are meant only the service can say
            raise
        return known


def _status(status: str, record: Record) -> str:
    known = list(dict.fromkeys([*STATUSES, *record.past.statuses()]))
    for each in known:
        if each.lower() == str(status).lower():
            return each
    raise InvalidFilter(f"There is no status {status!r}.", hint=f"A build is {', '.join(known)}.")


def _region(region: str, record: Record, client: Client) -> str:
    if region not in record.past.regions():
        codes = [known.code for known in client.regions()]
        if region not in codes:
            raise UnknownRegion(region, known=codes)
    return region


def _root(directory: str | PathLike[str]) -> str:
    """The directory that a start from there was kept with; it may be gone."""
    try:
        return str(settings.project(directory).directory.resolve())
    except DirectoryNotFound:
        return str(Path(directory).expanduser().resolve())


def _here(row: Row, target: Target) -> Row:
    """A build of the local service with the address that its log has now: the port may have changed since."""
    url = row.get("logsUrl")
    if target.kind != "local" or not target.api_host or not isinstance(url, str):
        return row
    if url.startswith(target.api_host):
        return row
    return {**row, "logsUrl": target.api_host + urlsplit(url).path}


def _matching(rows: Iterable[Row], filters: Mapping[str, str]) -> list[Row]:
    if not filters:
        return list(rows)
    return [row for row in rows if all(row.get(name) == value for name, value in filters.items())]


def _newest(rows: Iterable[Row], earliest: datetime | None, latest: datetime | None) -> list[Row]:
    """Those created between two times, the newest first; what has no time is last, and in no period."""
    timed = [(parse_time(row.get("createdAt")), row) for row in rows]
    if earliest is not None or latest is not None:
        timed = [
            (created, row)
            for created, row in timed
            if created is not None
            and (earliest is None or created >= earliest)
            and (latest is None or created <= latest)
        ]
    # Those of one moment stand in one order whether they came now or are kept.
    timed.sort(key=lambda each: (each[0] or _FIRST, str(each[1].get("id") or "")), reverse=True)
    return [row for _, row in timed]
