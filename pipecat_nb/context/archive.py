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
from pathlib import Path
from typing import IO, cast

from pipecat_nb.context.encoder import Encoder, EncoderName, encoder
from pipecat_nb.context.names import to_local
from pipecat_nb.context.selection import Member, Selection, unreadable
from pipecat_nb.errors import ContextError, ContextTooLarge
from pipecat_nb.text import printable

CHUNK = 256 * 1024

#: Deflate makes at most this many bytes out of one, so that some contexts need not be tried.
MAX_RATIO = 1032


@dataclass(frozen=True, slots=True)
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
    selection: Selection,
    file: IO[bytes],
    *,
    limit: int,
    encoder_name: EncoderName = "identical",
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a selection's archive, in constant memory; `progress(done, all)` is told of members.

    Raises ContextTooLarge above `limit` bytes, and another ContextError where a file changed while it was read.
    """
    if selection.size > limit * MAX_RATIO:
        raise too_large(selection, limit=limit)
    out = _Output(file, selection, limit=limit)
    manifest: dict[str, ManifestEntry] = {}
    written = 0
    with encoder(encoder_name, cast("IO[bytes]", out)) as packed:
        for number, member in enumerate(selection.members, 1):
            head = header(member).tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
            packed.write(head)
            written += len(head) + member.size + -member.size % tarfile.BLOCKSIZE
            digest = hashlib.sha256()
            if member.kind == "file":
                _copy(selection.directory, member, packed, digest.update)
            digest.update(member.target.encode("utf-8", "surrogateescape"))
            known = "" if member.kind == "directory" else digest.hexdigest()
            manifest[member.path] = ManifestEntry(member.kind, member.mode, member.size, known)
            if progress is not None:
                progress(number, len(selection.members))
        # Two empty blocks end an archive, which tape drives want in whole records.
        written += 2 * tarfile.BLOCKSIZE
        packed.write(bytes(2 * tarfile.BLOCKSIZE + -written % tarfile.RECORDSIZE))
    return Written(out.md5.hexdigest()[:16], out.size, manifest)


def _copy(root: Path, member: Member, packed: Encoder, digest: Callable[[bytes], None]) -> None:
    """Copy a file's content; raises a ContextError if it is not, all the while, the file that was selected."""
    try:
        with _open(to_local(root, member.path)) as source:
            before = os.fstat(source.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise _changed(member, "was replaced")
            left = member.size
            while left:
                data = source.read(min(CHUNK, left))
                if not data:
                    raise _changed(member, "shrank")
                digest(data)
                packed.write(data)
                left -= len(data)
            packed.write(bytes(-member.size % tarfile.BLOCKSIZE))
            if source.read(1):
                raise _changed(member, "grew")
            if os.fstat(source.fileno()).st_mtime_ns != before.st_mtime_ns:
                raise _changed(member, "was written to")
    except FileNotFoundError as error:
        raise _changed(member, "disappeared") from error
    except PermissionError as error:
        raise unreadable([f"{member.path} (no permission to read)"]) from error
    except OSError as error:
        raise ContextError(f"{printable(member.path)} cannot be read: {error.strerror}.") from error


def _open(path: Path) -> IO[bytes]:
    """Open what was a regular file when it was selected: never follow a link, never wait for a pipe's writer."""
    flags = os.O_RDONLY
    for name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"):
        flags |= getattr(os, name, 0)
    # Unbuffered: it is read in large pieces.
    return os.fdopen(os.open(path, flags), "rb", buffering=0)


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
    largest = "".join(f"\n  {size / 2**20:8,.1f} MB  {printable(path)}" for path, size in largest_paths(selection))
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


def largest_paths(selection: Selection, *, number: int = 5) -> list[tuple[str, int]]:
    """The largest entries at the top of a context, in bytes; directories end in `/`."""
    sizes: dict[str, int] = {}
    for member in selection.members:
        top, slash, _ = member.path.partition("/")
        sizes[top + slash] = sizes.get(top + slash, 0) + member.size
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:number]
