"""The service's API: one method for each endpoint."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from pipecat_nb import local, settings
from pipecat_nb.client import storage
from pipecat_nb.client.listing import PAGE, Page
from pipecat_nb.client.transport import TRIES, Retry, Transport
from pipecat_nb.errors import ConnectionFailed, PipecatError, ServerError, SettingsError, UploadExpired
from pipecat_nb.models import Build, CreatedBuild, LogPage, Region, Secret, UploadTicket, parse_int
from pipecat_nb.settings import Target

T = TypeVar("T")


class Client:
    """Pipecat Cloud's build API, with the credentials at hand, or the local service where there are none.

    Nothing is sent before the first method is called. Any thread may call. Every method raises an exception of
    `pipecat_nb.errors` and no other library's.
    """

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        org: str | None = None,
        api_host: str | None = None,
        retry: Retry | None = None,
    ) -> None:
        self._resolved = settings.resolve(token, org=org, api_host=api_host)
        tries = 2 if self.is_local else TRIES
        self._transport = Transport(retry=retry or Retry(tries=tries), direct=self.is_local)
        self._lock = threading.Lock()
        self._target: Target | None = None
        # What was uploaded here, to find a build again whose creation got no answer: upload id -> archive, when.
        self._uploads: dict[str, tuple[Path, datetime | None]] = {}

    def __repr__(self) -> str:
        return f"<Client of {self._resolved.label}>"

    @property
    def is_local(self) -> bool:
        """Whether it talks to the local service, on this machine."""
        return self._resolved.kind == "local"

    @property
    def target(self) -> Target:
        """Where this client talks to and as whom; this starts the local service where that is meant."""
        with self._lock:
            if self._target is None:
                self._target = self._find_target()
            return self._target

    @property
    def known_target(self) -> Target:
        """The target as far as it is known without asking anybody."""
        with self._lock:
            return self._target or self._resolved

    def _find_target(self) -> Target:
        resolved = self._resolved
        if resolved.kind == "local":
            service = local.find_or_start()
            return replace(resolved, api_host=service.url, token=service.token)
        if resolved.kind == "token" and not resolved.org:
            return replace(resolved, org=self._first_organization(resolved))
        return resolved

    def _first_organization(self, target: Target) -> str:
        url = f"{target.api_host}/v1/organizations"
        data, _ = self._transport.json("GET", url, token=target.token, safe=True)
        names = [str(each["name"]) for each in _rows(data, "organizations") if each.get("name")]
        if not names:
            raise SettingsError("This token belongs to no organization.", hint="PIPECAT_ORG names one.")
        return names[0]

    def upload_url(self, region: str) -> UploadTicket:
        """The permission to upload one archive for a region, valid for 15 minutes."""
        data, headers = self._json("POST", "/builds/upload-url", safe=True, json={"region": region})
        return self._read(
            lambda: UploadTicket.from_json(data, region=region, issued_at=_date(headers)),
            "an upload's permission",
        )

    def upload(
        self,
        ticket: UploadTicket,
        archive: str | os.PathLike[str],
        *,
        progress: storage.Progress | None = None,
    ) -> UploadTicket:
        """Upload an archive (.tar.gz), streamed; `progress(sent, total)` is told in bytes.

        Returns the ticket that was used: a fresh one where the given one had expired. Raises UploadError.
        """
        path = storage.archive_path(archive)
        try:
            storage.post(self._transport, ticket, path, progress=progress)
        except UploadExpired:
            ticket = self.upload_url(ticket.region)
            storage.post(self._transport, ticket, path, progress=progress)
        self._uploads[ticket.upload_id] = (path, ticket.issued_at)
        return ticket

    def create_build(self, upload_id: str, *, region: str, dockerfile_path: str = "Dockerfile") -> CreatedBuild:
        """Build what was uploaded, or get the earlier build of the same context, region and Dockerfile path.

        The service knows no idempotency key. So where the answer is lost after the request may have arrived, the
        build is looked for before anything is sent again.
        """
        body = {"uploadId": upload_id, "region": region, "dockerfilePath": dockerfile_path}
        try:
            data, _ = self._json("POST", "/builds", safe=False, json=body)
        except (ConnectionFailed, ServerError) as lost:
            if isinstance(lost, ConnectionFailed) and not lost.sent:
                raise
            self._transport.retry.pause(0)  # a gateway may give up before the service has done what it was asked
            found = self._find_created(upload_id, region=region, dockerfile_path=dockerfile_path, lost=lost)
            if found is not None:
                return CreatedBuild(build=found, context_hash=found.context_hash or "", cached=False)
            data, _ = self._json("POST", "/builds", safe=False, json=body)
        return self._read(
            lambda: CreatedBuild(
                build=_build(data),
                context_hash=str(data.get("contextHash") or ""),
                cached=data.get("cached") is True,
            ),
            "a new build",
        )

    def _find_created(
        self, upload_id: str, *, region: str, dockerfile_path: str, lost: PipecatError
    ) -> Build | None:
        """The build that a lost request made, by its content; None where it is certain that it made none."""
        archive, since = self._uploads.get(upload_id, (None, None))
        if archive is None or since is None or not archive.is_file():
            lost.hint = "The build may have been created all the same: `%pcbuild history` shows it."
            raise lost
        for build in self.list_builds(region=region, context_hash=context_hash(archive), limit=PAGE):
            same = (build.dockerfile_path or "Dockerfile") == dockerfile_path
            if same and build.created_at is not None and build.created_at >= since:
                return build
        return None

    def get_build(self, id: str) -> Build:  # noqa: A002  the service's own name
        """A build as the service knows it now."""
        data, _ = self._json("GET", f"/builds/{quote(id, safe='')}", safe=True)
        return self._read(lambda: _build(data), "a build")

    def list_builds(
        self,
        *,
        status: str | None = None,
        region: str | None = None,
        context_hash: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Build]:
        """All builds that match, newest first, page after page; `limit` bounds their number.

        Builds created meanwhile move the pages on: a build that comes twice is given once.
        """
        ask = partial(self.list_page, status=status, region=region, context_hash=context_hash)
        seen: set[str] = set()
        offset = given = 0
        while limit is None or given < limit:
            size = PAGE if limit is None else min(PAGE, limit - given)
            page = ask(limit=size, offset=offset)
            before = given
            for row in page.rows:
                build = Build.from_json(row)
                if build.id in seen and build.id:  # a row without an id repeats nobody's
                    continue
                seen.add(build.id)
                given += 1
                yield build
            offset += len(page.rows)
            # A page that brings nothing new ends it too: something on the way may not know offsets.
            if given == before or (len(page.rows) < size if page.total is None else offset >= page.total):
                return

    def list_page(
        self,
        *,
        status: str | None = None,
        region: str | None = None,
        context_hash: str | None = None,
        limit: int = PAGE,
        offset: int = 0,
        stop: threading.Event | None = None,
    ) -> Page:
        """One page (1 to 100) of the builds that match, newest first, as the service's JSON objects.

        Nothing is tried again once `stop` is set.
        """
        wanted = {
            "status": status,
            "region": region,
            "contextHash": context_hash,
            "limit": limit,
            "offset": offset,
        }
        params = {name: value for name, value in wanted.items() if value is not None}
        data, _ = self._json("GET", "/builds", safe=True, params=params, stop=stop)
        return Page(rows=_rows(data, "builds"), total=parse_int(data.get("total")), offset=offset)

    def build_logs(self, id: str, *, limit: int = 500) -> LogPage:  # noqa: A002
        """Lines of a build's log (1 to 10,000), as text; empty until the build has started."""
        data, _ = self._json("GET", f"/builds/{quote(id, safe='')}/logs", safe=True, params={"limit": limit})
        lines = data.get("logs")
        token = data.get("nextToken")
        return LogPage(
            lines=tuple(_log_line(line) for line in lines) if isinstance(lines, list) else (),
            next_token=None if token is None else str(token),
        )

    def regions(self) -> list[Region]:
        """The regions to build for."""
        data, _ = self._json("GET", "/regions", safe=True)
        return [Region.from_json(row) for row in _rows(data, "regions")]

    def default_region(self) -> str:
        """The organization's default region; the first one where it has none."""
        data, _ = self._json("GET", "/properties", safe=True)
        properties = data.get("properties")
        default = (properties if isinstance(properties, Mapping) else data).get("defaultRegion")
        if default:
            return str(default)
        regions = self.regions()
        if not regions:
            raise SettingsError("The service names no region to build for.", hint="Name one with --region.")
        return regions[0].code

    def _json(
        self, method: str, path: str, *, safe: bool, **arguments: Any
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        try:
            return self._send(method, path, safe=safe, **arguments)
        except ConnectionFailed as error:
            # The local service ends itself when it is idle: then it is started again.
            if not self.is_local or error.sent:
                raise
        with self._lock:
            self._target = None
        return self._send(method, path, safe=safe, **arguments)

    def _send(
        self, method: str, path: str, *, safe: bool, **arguments: Any
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        target = self.target
        prefix = f"/v1/organizations/{quote(target.org or '', safe='')}" if target.kind == "token" else "/v1"
        return self._transport.json(
            method, f"{target.api_host}{prefix}{path}", token=target.token, safe=safe, **arguments
        )

    def _read(self, read: Callable[[], T], what: str) -> T:
        """What an answer says, or a ServerError where it lacks what it must have."""
        try:
            return read()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ServerError(
                f"The service's answer is not {what}: {error!r}.",
                hint="Is the API host right? `%pcbuild target` shows it.",
                status=200,
            ) from error


def context_hash(archive: Path) -> str:
    """The service's hash of an archive: the first 16 hex digits of its MD5."""
    with archive.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()[:16]


def _build(data: Mapping[str, Any]) -> Build:
    """The one build of an answer, which must have an id and a status."""
    build = Build.from_json(data["build"])
    if not (build.id and build.status):
        raise ValueError("it has no id or no status")
    return build


def _rows(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = data.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _log_line(line: Any) -> str:
    """A log line's text; the official client also expects objects with a message."""
    if isinstance(line, Mapping):
        return str(line.get("message", line.get("log", line)))
    return str(line)


def _date(headers: Mapping[str, str]) -> datetime | None:
    """The service's own clock, from an answer's Date header."""
    try:
        parsed = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return parsed.astimezone(UTC)
