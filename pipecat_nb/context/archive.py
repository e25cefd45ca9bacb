"""A selection to an archive: the same bytes for the same content, the official command line's where it can be.

The whole policy is `header`: names, sizes, whether a file is executable, and where a link points go in; times,
owners and other permissions do not.
"""

import gzip
import hashlib
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipecat_nb.context.selection import Member, Selection, unreadable
from pipecat_nb.errors import ContextError, ContextTooLarge

CHUNK = 256 * 1024


@dataclass(frozen=True)
class ManifestEntry:
    """What was sent of one path: kind, mode, size in bytes, SHA-256 of a file's content or a link's target."""

    kind: str
    mode: int
    size: int
    digest: str


@dataclass(frozen=True)
class Written:
    """An archive that was written: its hash as the service computes it, its bytes, and what is in it."""

    hash: str
    size: int
    manifest: dict[str, ManifestEntry]


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


def write(
    selection: Selection, file: IO[bytes], *, limit: int, progress: Callable[[int, int], None] | None = None
) -> Written:
    """Write a selection's archive, in constant memory; `progress(done, all)` is told of members.

    Raises ContextTooLarge above `limit` bytes, and another ContextError where a file changed while it was read.
    """
    out = _Output(file, selection, limit=limit)
    manifest: dict[str, ManifestEntry] = {}
    refused: list[str] = []
    # The empty name: nothing of the file's own name goes into the header.
    with (
        gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=9, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for number, member in enumerate(selection.members, 1):
            try:
                manifest[member.path] = _add(tar, member, selection.directory)
            except PermissionError:
                refused.append(f"{member.path} (no permission to read)")
            if progress is not None:
                progress(number, len(selection.members))
    if refused:
        raise unreadable(refused)
    return Written(out.md5.hexdigest()[:16], out.size, manifest)


def _add(tar: tarfile.TarFile, member: Member, root: Path) -> ManifestEntry:
    info = header(member)
    if member.kind != "file":
        tar.addfile(info)
        digest = hashlib.sha256(os.fsencode(member.target)).hexdigest() if member.target else ""
        return ManifestEntry(member.kind, member.mode, 0, digest)
    try:
        with (root / member.path).open("rb") as source:
            reader = _Reader(source, member)
            tar.addfile(info, reader)
            reader.check_end()
    except FileNotFoundError as error:
        raise ContextError(f"{member.path} disappeared while it was packed.", hint="Pack again.") from error
    except PermissionError:
        raise
    except OSError as error:
        raise ContextError(f"{member.path} cannot be read: {error.strerror}.") from error
    return ManifestEntry(member.kind, member.mode, member.size, reader.sha256.hexdigest())


class _Reader:
    """Reads exactly a member's size, and refuses a file that has shrunk or grown meanwhile."""

    def __init__(self, source: IO[bytes], member: Member) -> None:
        self._source = source
        self._member = member
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        if len(data) < size:
            raise self._changed("shrank")
        self.sha256.update(data)
        return data

    def check_end(self) -> None:
        if self._source.read(1):
            raise self._changed("grew")

    def _changed(self, how: str) -> ContextError:
        return ContextError(
            f"{self._member.path} {how} while it was packed.", hint="Pack again when nothing writes it."
        )


class _Output:
    """The archive's file: counts and hashes what is written, and stops at the limit."""

    def __init__(self, file: IO[bytes], selection: Selection, *, limit: int) -> None:
        self._file = file
        self._selection = selection
        self._limit = limit
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)

    def write(self, data: bytes) -> int:
        self.size += len(data)
        if self.size > self._limit:
            raise too_large(self._selection, limit=self._limit)
        self.md5.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def too_large(selection: Selection, *, limit: int) -> ContextTooLarge:
    """The error of a context above the limit: its largest paths, and what to do."""
    largest = "".join(f"\n  {size / 2**20:8,.1f} MB  {path}" for path, size in largest_paths(selection))
    return ContextTooLarge(
        f"The context of {selection.directory} is above {limit / 2**20:,.0f} MB even compressed; "
        f"the largest of its {selection.size / 2**20:,.0f} MB:{largest}",
        hint="List what the image does not need in .dockerignore; `%pcbuild preview` shows the rest.",
    )


def largest_paths(selection: Selection, *, number: int = 5) -> list[tuple[str, int]]:
    """The largest entries at the top of a context, in bytes; directories end in `/`."""
    sizes: dict[str, int] = {}
    for member in selection.members:
        top, slash, _ = member.path.partition("/")
        sizes[top + slash] = sizes.get(top + slash, 0) + member.size
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:number]
