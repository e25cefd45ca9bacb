"""The storage's side of an upload: a multipart form, streamed to disk, that is stored whole or not at all."""

import asyncio
import hashlib
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from pipecat_nb.service.presigned import PostSigner, S3Error

#: What S3 takes of form fields before the file, in bytes.
FIELDS_LIMIT = 20 * 1024

#: What is read and thrown away beside fields and file, in bytes: a client that is still sending reads no answer.
DRAIN_LIMIT = 1024**3

PARTIAL = ".part"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """What was uploaded: its key, its MD5 in hex, its size in bytes."""

    key: str
    md5: str
    size: int


def context_file(directory: Path, md5: str) -> Path:
    """Where the archive of this MD5 lies."""
    return directory / f"{md5}.tar.gz"


async def receive(
    body: AsyncIterator[bytes],
    *,
    content_type: str,
    signer: PostSigner,
    check: Callable[[dict[str, str]], None],
    directory: Path,
) -> StoredObject:
    """Store the file of a form in the directory, named by its MD5; raises S3Error and then stores nothing.

    `check` is called with the fields before the first byte of the file and raises S3Error to refuse it.
    """
    form = _Form(signer=signer, check=check, directory=directory)
    try:
        parser = MultipartParser(_boundary(content_type), form.callbacks())
    except FormParserError as error:
        raise _malformed() from error
    refusal: S3Error | None = None
    read = 0
    try:
        async for chunk in body:
            read += len(chunk)
            if read > signer.limit + FIELDS_LIMIT + DRAIN_LIMIT:
                raise refusal or S3Error("MaxMessageLengthExceeded", "Your request was too large.")
            if refusal is not None or form.complete:
                continue
            try:
                parser.write(chunk)
            except S3Error as error:
                refusal = error
            except FormParserError:
                refusal = _malformed()
            except OSError as error:
                refusal = _internal(error)
            if refusal is not None:
                form.discard()
        if refusal is not None:
            raise refusal
        try:
            return await asyncio.to_thread(form.commit)
        except OSError as error:
            raise _internal(error) from error
    finally:
        form.discard()


class _Form:
    """What the parser tells of a form, part by part."""

    def __init__(self, *, signer: PostSigner, check: Callable[[dict[str, str]], None], directory: Path) -> None:
        self._signer = signer
        self._check = check
        self._directory = directory
        self._fields: dict[str, str] = {}
        self._read = 0
        self._header: tuple[bytes, bytes] = (b"", b"")
        self._part = ""
        self._value = bytearray()
        self._file: IO[bytes] | None = None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._size = 0
        self.complete = False

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_data,
            "on_part_data": self._data,
            "on_part_end": self._end_part,
        }

    def _begin_part(self) -> None:
        self._part = ""
        self._value.clear()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _end_header(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            _, options = parse_options_header(value)
            self._part = options.get(b"name", b"").decode(errors="replace")
        self._header = (b"", b"")

    def _begin_data(self) -> None:
        if not self._part:
            raise _malformed()
        if self._part == "file" and not self.complete:
            self._check(self._fields)
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115
                dir=self._directory, suffix=PARTIAL, delete=False
            )

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self.complete:
            return  # S3 ignores what comes after the file
        piece = data[start:end]
        if self._file is None:
            self._count(len(piece))
            self._value += piece
            return
        self._size += len(piece)
        self._signer.check_size(self._size)
        self._md5.update(piece)
        self._file.write(piece)

    def _end_part(self) -> None:
        if self._file is not None:
            self.complete = True
        else:
            self._fields[self._part] = self._value.decode(errors="replace")

    def _count(self, size: int) -> None:
        if self.complete:
            return
        self._read += size
        if self._read > FIELDS_LIMIT:
            text = "Your POST request fields preceding the upload file were too large."
            raise S3Error("MaxPostPreDataLengthExceeded", text)

    def commit(self) -> StoredObject:
        """Give the file its place."""
        if self._file is None:
            text = "POST requires exactly one file upload per request."
            raise S3Error("InvalidArgument", text, ArgumentName="file", ArgumentValue=0)
        if not self.complete:
            raise _malformed()
        if self._size == 0:
            text = "Your proposed upload is smaller than the minimum allowed size"
            raise S3Error("EntityTooSmall", text, ProposedSize=0, MinSizeAllowed=1)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        md5 = self._md5.hexdigest()
        Path(self._file.name).replace(context_file(self._directory, md5))
        self._file = None
        return StoredObject(key=self._fields["key"], md5=md5, size=self._size)

    def discard(self) -> None:
        """Remove what has no place."""
        if self._file is not None:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)
            self._file = None


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        text = "Bucket POST must be of the enclosure-type multipart/form-data"
        raise S3Error("PreconditionFailed", text, status=412, Condition=text)
    if not options.get(b"boundary"):
        raise _malformed()
    return options[b"boundary"]


def _malformed() -> S3Error:
    return S3Error("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")


def _internal(error: OSError) -> S3Error:
    _log.error("An upload could not be stored: %s", error)
    return S3Error("InternalError", "We encountered an internal error. Please try again.", status=500)
