"""A directory to a build context: selected, archived into a temporary file, hashed."""

import os
import secrets
import tempfile
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from pipecat_nb.context.archive import Written, too_large, write
from pipecat_nb.context.dockerfile import read
from pipecat_nb.context.encoder import EncoderChoice, EncoderName, choose
from pipecat_nb.context.manifest import Manifest
from pipecat_nb.context.secrets import Finding
from pipecat_nb.context.selection import Ignored, Member, Selection, select
from pipecat_nb.context.statcache import Remembered, StatCache
from pipecat_nb.errors import ContextError
from pipecat_nb.models import CONTEXT_LIMIT


class BuildContext:
    """A directory as it is sent: its archive, hash and members; `close` removes the archive's file."""

    def __init__(
        self,
        selection: Selection,
        *,
        written: Written | Remembered,
        archive: "_Archive",
        encoder: EncoderName,
        dockerfile_text: str,
    ) -> None:
        #: What is in it and what was left out.
        self.selection = selection
        self._written = written
        self._archive = archive
        self.encoder = encoder
        self.dockerfile_text = dockerfile_text

    @property
    def archive(self) -> Path:
        """The archive's file; of an unchanged directory, all else of which is known, it is written only now.

        Raises a ContextError where the directory is, by then, no longer what it was.
        """
        return self._archive.path(self.hash)

    @property
    def hash(self) -> str:
        """The context's hash, the key of the build cache."""
        return self._written.hash

    @property
    def archive_size(self) -> int:
        """The archive's bytes."""
        return self._written.size

    @property
    def manifest(self) -> Manifest:
        """What is in the archive, by path."""
        return self._written.manifest

    @property
    def secrets(self) -> tuple[Finding, ...]:
        """Keys, tokens and passwords in it: where and of which kind."""
        return self._written.secrets

    @property
    def directory(self) -> Path:
        """The directory that was packed."""
        return self.selection.directory

    @property
    def dockerfile(self) -> str:
        """The Dockerfile's path in the context."""
        return self.selection.dockerfile

    @property
    def ignore_file(self) -> str:
        """The ignore file's path in the context; empty where the default exclusions hold."""
        return self.selection.ignore_file

    @property
    def members(self) -> tuple[Member, ...]:
        """All that is in the archive, sorted by path."""
        return self.selection.members

    @property
    def ignored(self) -> tuple[Ignored, ...]:
        """What was left out, and by which rule."""
        return self.selection.ignored

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the service might object to."""
        return self.selection.warnings

    @property
    def files(self) -> int:
        """How many of the members are files."""
        return self.selection.files

    @property
    def size(self) -> int:
        """The bytes of all files before compression."""
        return self.selection.size

    def close(self) -> None:
        """Remove the archive's file."""
        self._archive.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        amount = f"{self.files} files, {self.archive_size:,} bytes packed"
        return f"<BuildContext {self.hash} of {self.directory}: {amount}>"


class _Archive:
    """A selection's archive in a temporary file, written when it is first needed."""

    def __init__(self, write: Callable[[], tuple[Path, Written]], *, changed: Callable[[], None]) -> None:
        self._write = write
        self._changed = changed
        self._path: Path | None = None
        self._remove: weakref.finalize[[Path], _Archive] | None = None

    def write(self) -> Written:
        """Write it now."""
        self._path, written = self._write()
        self._remove = weakref.finalize(self, _unlink, self._path)
        return written

    def path(self, digest: str) -> Path:
        """Where it is; raises a ContextError where it has, only written now, another hash than was remembered."""
        if self._path is None and self.write().hash != digest:
            self.remove()
            self._path = None
            self._changed()
            raise ContextError("The directory changed while it was packed.", hint="Pack it again.")
        assert self._path is not None
        return self._path

    def remove(self) -> None:
        if self._remove is not None:
            self._remove()


def pack(
    directory: str | os.PathLike[str],
    *,
    dockerfile: str | os.PathLike[str] = "Dockerfile",
    dockerfile_text: str | None = None,
    exclude: Iterable[str] = (),
    encoder: EncoderChoice = "auto",
    no_cache: bool = False,
    limit: int = CONTEXT_LIMIT,
    progress: Callable[[int, int], None] | None = None,
    statcache: StatCache | None = None,
) -> BuildContext:
    """The build context of a directory; `select` says which paths, and raises, as this does, a ContextError.

    `encoder` is "identical" (the official command line's bytes, so that both share a cache), "parallel" (fast), or
    "auto": identical up to 8 MiB of files. `no_cache` makes another hash of the same content, so that no earlier
    build is found. An archive above `limit` bytes is refused. `progress(done, all)` is told of members.
    `statcache` knows unchanged directories; without one, that of this user.
    """
    selection = select(
        directory, dockerfile=dockerfile, dockerfile_text=dockerfile_text, exclude=exclude, limit=limit
    )
    text = dockerfile_text
    if text is None:
        text = read(selection.directory, selection.dockerfile).decode("utf-8", "replace")
    chosen = choose(encoder, size=selection.size)
    statcache = statcache or StatCache()
    # Any number but 0, which stands for none.
    stamp = secrets.randbelow(2**32 - 1) + 1 if no_cache else 0
    archive = _Archive(
        lambda: _write(selection, chosen, stamp=stamp, limit=limit, progress=progress),
        changed=lambda: statcache.forget(selection, chosen),
    )
    written: Written | Remembered | None = None if no_cache else statcache.recall(selection, chosen)
    if written is None:
        written = archive.write()
        if not no_cache:
            statcache.keep(selection, chosen, written)
    elif written.size > limit:
        raise too_large(selection, limit=limit)
    return BuildContext(selection, written=written, archive=archive, encoder=chosen, dockerfile_text=text)


def _write(
    selection: Selection,
    encoder: EncoderName,
    *,
    stamp: int,
    limit: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Path, Written]:
    try:
        descriptor, name = tempfile.mkstemp(prefix="context-", suffix=".tar.gz")
    except OSError as error:
        raise ContextError(
            f"There is no place for the archive: {error.strerror}.",
            hint="It needs a directory for temporary files; TMPDIR names another.",
        ) from error
    archive = Path(name)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            return archive, write(
                selection, file, limit=limit, encoder_name=encoder, stamp=stamp, progress=progress
            )
    except BaseException:
        _unlink(archive)
        raise


def _unlink(archive: Path) -> None:
    archive.unlink(missing_ok=True)
