"""The upload of an archive to the storage: an S3 pre-signed POST, streamed, with S3's XML errors read."""

import os
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from xml.etree import ElementTree

import requests
from requests_toolbelt import MultipartEncoder, MultipartEncoderMonitor

from pipecat_nb.client.transport import Bearer, Transport, connection_failed, retry_after
from pipecat_nb.errors import UploadError, UploadExpired, UploadTooLarge
from pipecat_nb.models import CONTEXT_LIMIT, UploadTicket

#: Seconds to connect, and for the storage to take the next bytes or to answer after the last.
TIMEOUT = (10.0, 300.0)

#: What is told while uploading: bytes sent so far, bytes in all.
Progress = Callable[[int, int], None]

_PASSING = frozenset({"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"})


def post(transport: Transport, ticket: UploadTicket, archive: Path, *, progress: Progress | None) -> None:
    """Upload one archive; sent again after passing failures, which storage allows: the key is the same.

    Raises UploadExpired, UploadTooLarge, another UploadError or ConnectionFailed.
    """
    for attempt in range(transport.retry.tries):
        try:
            response = _post_once(transport, ticket, archive, progress=progress)
        except requests.RequestException as error:
            if transport.retry.pause(attempt):
                continue
            raise connection_failed(error, ticket.url) from error
        if response.status_code in (200, 201, 204):
            return
        problem = upload_error(response.status_code, response.content[:65_536])
        passing = response.status_code in (429, 500, 502, 503, 504) or problem.code in _PASSING
        if not (passing and transport.retry.pause(attempt, asked=retry_after(response))):
            raise problem


def _post_once(
    transport: Transport, ticket: UploadTicket, archive: Path, *, progress: Progress | None
) -> requests.Response:
    # S3 wants its fields before the file, and the content type among them.
    fields = dict(ticket.fields)
    fields.setdefault("Content-Type", "application/gzip")
    size = archive.stat().st_size
    with archive.open("rb") as file:
        form = MultipartEncoder([*fields.items(), ("file", ("context.tar.gz", file, "application/gzip"))])
        around = form.len - size

        def tell(monitor: MultipartEncoderMonitor) -> None:
            if progress is not None:
                progress(min(max(monitor.bytes_read - around, 0), size), size)

        monitor = MultipartEncoderMonitor(form, tell)
        return transport.session.post(
            ticket.url,
            data=monitor,
            headers={"Content-Type": monitor.content_type},
            auth=Bearer(None),
            timeout=TIMEOUT,
            allow_redirects=False,
        )


def upload_error(status: int, body: bytes) -> UploadError:
    """The exception for the storage's answer, S3's XML or anything else."""
    code, text = _read_xml(body)
    if "expired" in text.lower() or code == "ExpiredToken":
        return UploadExpired(
            "The upload took longer than its permission lasts (15 minutes).",
            hint="Send less: `%pcbuild preview` shows the largest paths of the context.",
            code=code,
        )
    if code == "EntityTooLarge" or status == 413:
        return UploadTooLarge(
            f"The storage takes archives up to {CONTEXT_LIMIT // 2**20} MB, and this one is larger.",
            hint="`%pcbuild preview` shows the largest paths of the context; list them in .dockerignore.",
            code=code,
        )
    said = (
        f"{code}: {text}" if code else f"{status} {HTTPStatus(status).phrase if status in _KNOWN else ''}".strip()
    )
    return UploadError(f"The storage refused the archive ({said}).", hint="Try again.", code=code)


_KNOWN = frozenset(int(status) for status in HTTPStatus)


def _read_xml(body: bytes) -> tuple[str, str]:
    """Code and message of S3's error; two empty texts for a body that is none."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return "", ""
    return (root.findtext("Code") or "").strip(), (root.findtext("Message") or "").strip()


def archive_path(archive: str | os.PathLike[str]) -> Path:
    """The archive's path, checked to be there; raises UploadError."""
    path = Path(archive)
    if not path.is_file():
        raise UploadError(f"There is no archive {path}.", hint="Pack the directory again.")
    return path
