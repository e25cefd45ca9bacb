"""The builds of a place: those that the record keeps, and from the service only what it cannot know."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipecat_nb.client import Client
from pipecat_nb.client.listing import Listing, Page, together
from pipecat_nb.errors import ConnectionFailed, LocalServiceError, NotFound, PipecatError, ServerError
from pipecat_nb.models import FINAL_STATUSES, parse_time
from pipecat_nb.record import Listed, Past
from pipecat_nb.record.past import Filters, has_ended
from pipecat_nb.record.past import Row as Kept
from pipecat_nb.record.past import row as encoded

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Builds:
    """Builds as the service's JSON objects, as of when, and where they may be too few or too old, why."""

    rows: list[Row]
    fetched_at: datetime | None
    note: str = ""


def catch_up(
    client: Client,
    past: Past,
    filters: Filters,
    *,
    now: datetime,
    most: int | None = None,
    since: datetime | None = None,
    refresh: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Builds:
    """All builds that match the filters, in no order; what came is kept, also when this is interrupted.

    With `most` the newest, with `since` those created later are sure to be among them. Without a connection: what
    is known. `refresh` asks for all of them.
    """
    whole = past.listed({})
    # A list that is known as a whole answers every question, for one request.
    narrowed = _for_service(filters) if refresh or whole.complete_at is None else {}
    listed = past.listed(narrowed) if narrowed or refresh else whole
    # Which builds wait or run changes: of such a list nothing is worth to be known.
    lasting = narrowed.get("status", "success") in FINAL_STATUSES
    kept = {str(row["id"]): row for row in past.builds(narrowed)} if lasting else {}
    if narrowed.get("status"):
        kept = {name: row for name, row in kept.items() if has_ended(row)}
    trusted = {} if refresh else kept

    new: dict[str, Kept] = {}

    def encode(rows: Iterable[Row]) -> None:
        for row in rows:
            if row.get("id") and kept.get(str(row["id"])) != row:
                new[str(row["id"])] = encoded(row)

    def ask(*, offset: int, stop: threading.Event | None = None) -> Page:
        page = client.list_page(
            status=narrowed.get("status"),
            region=narrowed.get("region"),
            context_hash=narrowed.get("contextHash"),
            offset=offset,
            stop=stop,
        )
        encode(page.rows)  # here, where others are waited for, it costs nothing
        return page

    # Only a list that is narrowed by the service alone can be cut at so many builds.
    cut = most if narrowed == dict(filters) or not filters else None
    listing = Listing(
        ask,
        known=trusted,
        covered=listed.covered,
        most=cut,
        enough=_Order(since).enough,
        progress=progress,
    )
    gone: set[str] = set()
    try:
        listing.run()
        if refresh or not listing.trusted:
            trusted = {}
            if listing.whole:  # then it says what there is no more
                gone = kept.keys() - listing.rows.keys()
        gone |= _ask_again(client, trusted, listing.rows, encode)
    except (ConnectionFailed, LocalServiceError, ServerError) as error:
        if listing.begun:
            raise _half(error, listing) from error
        known = {str(row["id"]): row for row in past.builds(narrowed)}
        if refresh or not known:
            raise
        return Builds(rows=list(known.values()), fetched_at=listed.complete_at, note=_offline(error, listed, now))
    finally:
        if listing.begun:
            past.keep(
                [row for name, row in new.items() if name not in gone],
                filters=narrowed,
                listed=Listed(covered=listing.places, complete_at=now if listing.whole else listed.complete_at),
                forget=gone,
            )
    found = {name: row for name, row in {**trusted, **listing.rows}.items() if name not in gone}
    return Builds(rows=[*found.values(), *listing.nameless], fetched_at=now)


def _for_service(filters: Filters) -> dict[str, str]:
    """The filters that are sent. Asked for a context's successful builds, the service may leave out those whose
    image is gone, so that a status goes along with no context."""
    return {name: value for name, value in filters.items() if name != "status" or "contextHash" not in filters}


def _ask_again(
    client: Client, kept: Mapping[str, Row], rows: dict[str, Row], encode: Callable[[Iterable[Row]], None]
) -> set[str]:
    """Ask for the builds that had not ended and did not come with the list; the ids of those that are gone."""
    gone: set[str] = set()

    def ask(name: str, _: threading.Event) -> tuple[str, Row | None]:
        try:
            return name, client.get_build(name).to_json()
        except NotFound:
            return name, None

    def take(answer: tuple[str, Row | None]) -> None:
        name, row = answer
        if row is None:
            gone.add(name)
        else:
            rows[name] = row
            encode([row])

    together(ask, [name for name, row in kept.items() if name not in rows and not has_ended(row)], take)
    return gone


class _Order:
    """Whether the pages come newest first, so that one which is older than what is wanted ends the search."""

    def __init__(self, since: datetime | None) -> None:
        self._since = since
        self._sorted = True

    def enough(self, page: Page) -> bool:
        if self._since is None or not self._sorted:
            return False
        times = [parse_time(row.get("createdAt")) for row in page.rows]
        known = [time for time in times if time is not None]
        self._sorted = len(known) == len(times) and known == sorted(known, reverse=True)
        return self._sorted and known[-1] < self._since


def _half(error: PipecatError, listing: Listing) -> PipecatError:
    kept = f"{len(listing.rows):,} builds of {listing.total:,} had come and are kept: ask again for the rest."
    error.hint = f"{kept} {error.hint}".rstrip()
    return error


def _offline(error: PipecatError, listed: Listed, now: datetime) -> str:
    why = f"{error.message.rstrip('.')}."
    if listed.complete_at is None:
        return f"{why} These builds are known from before; there may be more."
    then = listed.complete_at.astimezone()
    return f"{why} These are the builds known on {then:%Y-%m-%d at %H:%M}, {_ago(now - then)} ago."


def _ago(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
