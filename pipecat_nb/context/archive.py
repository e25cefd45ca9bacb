"""A selection to an archive: the same bytes for the same content, the official command line's where it can be.

The whole policy is `header`: names, sizes, whether a file is executable, and where a link points go in; times,
owners and other permissions do not.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import IO, cast

from pipecat_nb.context.encoder import Encoder, EncoderName, encoder
from pipecat_nb.context.manifest import ManifestEntry
from pipecat_nb.context.names import locate
from pipecat_nb.context.secrets import Finding, Search, find
from pipecat_nb.context.selection import Member, Selection, unreadable
from pipecat_nb.errors import ContextError, ContextTooLarge
from pipecat_nb.text import printable

CHUNK = 1024 * 1024

#: What was a regular file when it was selected is opened so: never follow a link, never wait for a pipe's writer.
_FLAGS = os.O_RDONLY
for _name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"):
    _FLAGS |= getattr(os, _name, 0)

#: Deflate makes at most this many bytes out of one, so that some contexts need not be tried.
MAX_RATIO = 1032


@dataclass(frozen=True)
class Written:
    """An archive that was written: its hash as the service computes it, its bytes, and what is in it."""

    hash: str
    size: int
    manifest: dict[str, ManifestEntry]
    secrets: tuple[Finding, ...]


def header(member: Member) -> tarfile.TarInfo:
    """A member's tar header: nothing in it depends on the time, the owner or the machine."""
    info = tarfile.TarInfo(member.path)
    info.type = {"file": tarfile.REGTYPE, "symlink": tarfile.SYMTYPE, "directory": tarfile.DIRTYPE}[member.kind]
    info.mode = member.mode
    info.size = member.size
    info.linkname = member.target
    info.mtime = 0
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def head(member: Member) -> bytes:
    """A member's header as it stands in the archive, extended (PAX) where its name or size need it."""
    if member.kind != "file" or len(member.path) > 100 or not member.path.isascii() or member.size >= 8**11:
        return header(member).tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    # Most members differ in name and size only: filled into one made before, this takes a tenth of the time.
    middle, end, checksum = _template(member.mode)
    name, size = member.path.encode(), b"%011o" % member.size
    checksum += sum(name) + sum(size)
    return b"%b%b%b\0%b%06o\0 %b" % (name.ljust(100, b"\0"), middle, size, end[:12], checksum, end[20:])


@cache
def _template(mode: int) -> tuple[bytes, bytes, int]:
    """Of a file's header: what is between name and size, what comes after it, and the checksum of both."""
    block = header(Member("", "file", mode=mode)).tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    middle, end = block[100:124], block[136:]
    # The checksum takes its own field for eight blanks.
    return middle, end, sum(middle) + sum(end[:12]) + 8 * ord(" ") + sum(end[20:])


def write(
    selection: Selection,
    file: IO[bytes],
    *,
    limit: int,
    encoder_name: EncoderName = "identical",
    stamp: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a selection's archive, in constant memory; `progress(done, all)` is told of members.

    `stamp` makes another hash of the same content.

    Raises ContextTooLarge above `limit` bytes, and another ContextError where a file changed while it was read.
    """
    if selection.size > limit * MAX_RATIO:
        raise too_large(selection, limit=limit)
    out = _Output(file, selection, limit=limit)
    manifest: dict[str, ManifestEntry] = {}
    found: list[Finding] = []
    written = 0
    directory = str(selection.directory)
    with encoder(encoder_name, cast("IO[bytes]", out), stamp=stamp) as packed:
        for number, member in enumerate(selection.members, 1):
            start = head(member)
            written += len(start) + member.size + -member.size % tarfile.BLOCKSIZE
            if member.content is not None:
                digest = _put(member, member.content, start, packed, found)
            elif member.kind == "file":
                digest = _copy(directory, member, start, packed, found)
            else:
                packed.write(start)
                target = member.target.encode("utf-8", "surrogateescape")
                digest = hashlib.sha256(target).hexdigest() if target else ""
            manifest[member.path] = ManifestEntry(member.kind, member.mode, member.size, digest)
            if progress is not None:
                progress(number, len(selection.members))
        # Two empty blocks end an archive, which tape drives want in whole records.
        written += 2 * tarfile.BLOCKSIZE
        packed.write(bytes(2 * tarfile.BLOCKSIZE + -written % tarfile.RECORDSIZE))
    return Written(out.md5.hexdigest()[:16], out.size, manifest, tuple(found))


def _put(member: Member, content: bytes, start: bytes, packed: Encoder, found: list[Finding]) -> str:
    """Write a file's content that is at hand, after its header; its SHA-256."""
    packed.write(start)
    packed.write(content + bytes(-len(content) % tarfile.BLOCKSIZE))
    found += find(member.path, content)
    return hashlib.sha256(content).hexdigest()


def _copy(directory: str, member: Member, start: bytes, packed: Encoder, found: list[Finding]) -> str:
    """Copy a file's content after its header; its SHA-256. The secrets in it join those that were found.

    Raises a ContextError if it is not, all the while, the file that was selected.
    """
    try:
        file = os.open(locate(directory, member.path), _FLAGS)
        try:
            before = os.fstat(file)
            if not stat.S_ISREG(before.st_mode) or (member.stamp and member.stamp.inode != before.st_ino):
                raise _changed(member, "was replaced")
            digest = _stream(file, member, start, packed, found)
            if os.fstat(file).st_mtime_ns != before.st_mtime_ns:
                raise _changed(member, "was written to")
        finally:
            os.close(file)
    except FileNotFoundError as error:
        raise _changed(member, "disappeared") from error
    except PermissionError as error:
        raise unreadable([f"{member.path} (no permission to read)"]) from error
    except OSError as error:
        raise ContextError(f"{printable(member.path)} cannot be read: {error.strerror}.") from error
    return digest


def _stream(file: int, member: Member, start: bytes, packed: Encoder, found: list[Finding]) -> str:
    packed.write(start)
    digest, search, left = hashlib.sha256(), Search(member.path), member.size
    # One byte more than there should be: it tells whether there is, and saves to ask once more for the end.
    while data := os.read(file, asked := min(CHUNK, left + 1)):
        left -= len(data)
        if left < 0:
            raise _changed(member, "grew")
        digest.update(data)
        packed.write(data)
        search.feed(data)
        if not left and len(data) < asked:
            break
    if left:
        raise _changed(member, "shrank")
    packed.write(bytes(-member.size % tarfile.BLOCKSIZE))
    found += search.end()
    return digest.hexdigest()


def _changed(member: Member, how: str) -> ContextError:
    return ContextError(
        f"{printable(member.path)} {how} while it was packed.",
        hint="Pack again when nothing writes it, or leave it out.",
    )


class _Output:
    """The archive's file: counts and hashes what is written, and stops at the limit."""

    def __init__(self, file: IO[bytes], selection: Selection, *, limit: int) -> None:
        self._file = file
        self._selection = selection
        self._limit = limit
        self._stopped = False
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)

    def write(self, data: bytes) -> int:
        if self._stopped:  # what the compressor still held when it was stopped
            return len(data)
        self._stopped = True
        if self.size + len(data) > self._limit:
            raise too_large(self._selection, limit=self._limit)
        left = memoryview(data)
        try:
            while left:  # a full disk may take a part
                left = left[self._file.write(left) :]
        except OSError as error:
            raise ContextError(
                f"The archive cannot be written: {error.strerror}.",
                hint="It needs space in the directory for temporary files; TMPDIR names another.",
            ) from error
        self._stopped = False
        self.size += len(data)
        self.md5.update(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()


def too_large(selection: Selection, *, limit: int) -> ContextTooLarge:
    """The error of a context above the limit: its largest paths, and what to do."""
    largest = "".join(f"\n  {size / 2**20:8,.1f} MB  {printable(path)}" for path, size in selection.largest(5))
    if selection.ignore_file:
        hint = f"List what the image does not need in {printable(selection.ignore_file)}"
    else:
        hint = (
            "List what the image does not need in pcc-deploy.toml, [build.exclude] patterns; or in .dockerignore, "
            "which replaces the default exclusions"
        )
    return ContextTooLarge(
        f"The context of {selection.directory} is above {limit / 2**20:,.0f} MB even compressed; "
        f"the largest of its {selection.size / 2**20:,.0f} MB:{largest}",
        hint=f"{hint}. `%pcbuild preview` shows the rest.",
    )
