"""The build history of an organization as a DataFrame."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from pipecat_nb.analysis.builds import frame
from pipecat_nb.analysis.period import Moment, moment
from pipecat_nb.client import Client
from pipecat_nb.errors import InvalidFilter, UnknownRegion
from pipecat_nb.models import STATUSES, Build
from pipecat_nb.record import Record

if TYPE_CHECKING:
    import pandas as pd


def history(
    *,
    client: Client | None = None,
    status: str | None = None,
    region: str | None = None,
    context_hash: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: int | None = None,
) -> "pd.DataFrame":
    """All builds that match, newest first, as the DataFrame that `frame` describes.

    `since` and `until` bound the time of creation: `7d`, `36h`, `2026-02-20`, a datetime; what has no time zone
    is local. `limit` is the most rows. Raises InvalidFilter or UnknownRegion, which say what is valid.
    """
    now = datetime.now(UTC)
    earliest = None if since is None else moment(since, now=now)
    latest = None if until is None else moment(until, now=now, end=True)
    wanted = None if status is None else str(status).lower()
    if wanted is not None and wanted not in STATUSES:
        raise InvalidFilter(f"There is no status {status!r}.", hint=f"A build is {', '.join(STATUSES)}.")
    if limit is not None and limit < 0:
        raise InvalidFilter(f"A history of {limit} builds cannot be.", hint="The limit is 0 or more.")
    client = client or Client()
    if region is not None:
        codes = [known.code for known in client.regions()]
        if region not in codes:
            raise UnknownRegion(region, known=codes)

    bounded = earliest is not None or latest is not None
    listed = client.list_builds(
        status=wanted, region=region, context_hash=context_hash, limit=None if bounded else limit
    )
    if bounded:
        listed = islice(_created(listed, earliest, latest), limit)
    builds = list(listed)
    target = client.target
    return frame(builds, record=Record(target.account).columns(), target=target, fetched_at=now)


def _created(builds: Iterator[Build], earliest: datetime | None, latest: datetime | None) -> Iterator[Build]:
    """Those created between two times. The service promises no order, so older ones do not end the search."""
    for build in builds:
        created = build.created_at
        if created is None or (earliest and created < earliest) or (latest and created > latest):
            continue
        yield build
