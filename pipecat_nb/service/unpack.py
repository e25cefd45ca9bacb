"""Unpacks a build context; nothing is written outside its directory, whatever the archive says."""

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import IO, cast

#: What one context may become, against archives that are small and unpack into a full disk.
MAX_BYTES = 20 * 1024**3
MAX_ENTRIES = 1_000_000

#: Directories of one path: deeper ones cannot be removed again on every platform.
MAX_DEPTH = 200

#: Bytes of headers between two entries' contents, and entries of the global header: the tar reader holds them in
#: memory.
HEADER_LIMIT = 1024 * 1024
GLOBAL_LIMIT = 100

CHUNK = 1024 * 1024


class UnsafeArchive(Exception):
    """The archive is damaged, or something in it must not be unpacked; the message is one line."""


def unpack(
    archive: Path,
    directory: Path,
    *,
    check: Callable[[], None],
    max_bytes: int = MAX_BYTES,
    max_entries: int = MAX_ENTRIES,
) -> None:
    """Unpack a `.tar.gz` into a directory that exists and is empty; raises UnsafeArchive.

    Regular files, directories, and links that stay inside come out with their permissions; the times and owners
    of the archive do not. A later entry replaces an earlier one of its name, as in every tar. `check` is called
    again and again, and ends the work by raising.
    """
    budget = _Budget(max_bytes, max_entries)
    modes: dict[Path, int] = {}
    links: list[Path] = []
    try:
        with gzip.open(archive) as stream:
            source = _Counted(stream, budget)
            with tarfile.open(fileobj=cast(IO[bytes], source), mode="r|") as tar:
                for member in tar:
                    check()
                    tar.members.clear()  # type: ignore[attr-defined]  # it keeps all that it has seen
                    if len(tar.pax_headers) > GLOBAL_LIMIT:
                        raise UnsafeArchive("The context has a global header that is too large.")
                    budget.announce(member)
                    path = _place(member.name, directory)
                    with source.content():
                        if path == directory:
                            continue
                        if member.isdir():
                            path.mkdir(parents=True, exist_ok=True)
                            modes[path] = member.mode & 0o777 | 0o700
                            continue
                        path.parent.mkdir(parents=True, exist_ok=True)
                        if path.is_symlink() or path.is_file():
                            path.unlink()
                        _write(member, tar, path, directory, check=check)
                        if member.issym():
                            links.append(path)
            # gzip compares its checksum at the very end, which tar does not read.
            while chunk := stream.read(CHUNK):
                check()
                budget.spend(len(chunk))
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, RecursionError) as error:
        raise UnsafeArchive(f"The context is no readable tar.gz: {error}") from error
    except OSError as error:
        raise UnsafeArchive(f"The context cannot be unpacked: {error.strerror}") from error
    # Last, because only now is it certain where links lead, and directories need not be written to any more.
    _check_links(links, directory)
    for path, mode in modes.items():
        if path.is_dir() and not path.is_symlink():
            path.chmod(mode)


class _Budget:
    """What may still be unpacked; raises UnsafeArchive when it is more."""

    def __init__(self, max_bytes: int, max_entries: int) -> None:
        self._bytes, self._entries = max_bytes, max_entries

    def spend(self, size: int) -> None:
        """Pay for bytes of the archive."""
        self._bytes -= size
        self._refuse_if(self._bytes < 0)

    def announce(self, member: tarfile.TarInfo) -> None:
        """Pay for an entry, and refuse one that says itself that it is too large."""
        if member.size < 0:
            raise UnsafeArchive(f"The context has an entry of a negative size: {member.name!r}.")
        self._entries -= 1
        self._refuse_if(self._entries < 0 or member.size > self._bytes)
        if member.issparse():  # its holes stand nowhere in the archive
            self.spend(member.size)

    def _refuse_if(self, exceeded: bool) -> None:
        if exceeded:
            raise UnsafeArchive("The context unpacks to more than this service takes.")


class _Counted:
    """The unpacked bytes of an archive: spends the budget, and limits what stands between two contents."""

    def __init__(self, stream: gzip.GzipFile, budget: _Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._headers = 0
        self._in_content = False

    def read(self, size: int) -> bytes:
        piece = self._stream.read(size)
        self._budget.spend(len(piece))
        if not self._in_content:
            self._headers += len(piece)
            if self._headers > HEADER_LIMIT:
                raise UnsafeArchive("The context has an entry whose header is too large.")
        return piece

    @contextmanager
    def content(self) -> Iterator[None]:
        """What is read meanwhile is an entry's content, and the next header begins after it."""
        self._in_content = True
        yield
        self._in_content = False
        self._headers = 0


def _place(name: str, directory: Path) -> Path:
    """Where an entry goes; refuses names that leave the directory, by themselves or through a link."""
    if name.startswith("/") or PureWindowsPath(name).anchor:
        raise UnsafeArchive(f"The context has an absolute path: {name!r}.")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or (os.sep == "\\" and "\\" in name):
        raise UnsafeArchive(f"The context has a path that leaves it: {name!r}.")
    if len(parts) > MAX_DEPTH:
        raise UnsafeArchive(f"The context has a path deeper than {MAX_DEPTH} directories: {name[:100]!r}….")
    path = directory
    for part in parts[:-1]:
        path /= part
        if path.is_symlink():
            raise UnsafeArchive(f"The context has an entry behind a link: {name!r}.")
    return path / parts[-1] if parts else directory


def _write(
    member: tarfile.TarInfo, tar: tarfile.TarFile, path: Path, directory: Path, *, check: Callable[[], None]
) -> None:
    if member.isreg():
        source = tar.extractfile(member)
        assert source is not None
        _write_file(source, path, mode=member.mode & 0o777 | 0o600, check=check)
    elif member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        target = _place(member.linkname, directory)
        if target.is_symlink() or not target.is_file():
            raise UnsafeArchive(f"The context has a hard link to nothing: {member.name!r} -> {member.linkname!r}.")
        os.link(target, path)
    else:
        raise UnsafeArchive(f"The context has a device, pipe or other special file: {member.name!r}.")


def _check_links(links: list[Path], directory: Path) -> None:
    root = directory.resolve()
    for link in links:
        if link.is_symlink() and not Path(os.path.realpath(link)).is_relative_to(root):
            name = link.relative_to(directory).as_posix()
            raise UnsafeArchive(f"The context has a link that leaves it: {name!r} -> {str(link.readlink())!r}.")


def _write_file(source: IO[bytes], path: Path, *, mode: int, check: Callable[[], None]) -> None:
    with path.open("xb") as file:
        while chunk := source.read(CHUNK):
            check()
            file.write(chunk)
    path.chmod(mode)
