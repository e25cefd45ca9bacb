"""A directory to a build context: selected, archived into a temporary file, hashed."""

import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pipecat_nb.context.archive import ManifestEntry, Written, write
from pipecat_nb.context.dockerfile import read
from pipecat_nb.context.encoder import EncoderChoice, EncoderName, choose
from pipecat_nb.context.selection import Ignored, Member, Selection, select
from pipecat_nb.errors import ContextError
from pipecat_nb.models import CONTEXT_LIMIT


class BuildContext:
    """A directory as it is sent: its archive, hash and members; `close` removes the archive's file."""

    def __init__(
        self,
        selection: Selection,
        *,
        archive: Path,
        written: Written,
        encoder: EncoderName,
        dockerfile_text: str,
    ) -> None:
        self._remove = weakref.finalize(self, _unlink, archive)
        self._selection = selection
        self.archive = archive
        self.encoder = encoder
        self.dockerfile_text = dockerfile_text
        self.hash = written.hash
        self.archive_size = written.size
        self.manifest: Mapping[str, ManifestEntry] = written.manifest

    @property
    def directory(self) -> Path:
        """The directory that was packed."""
        return self._selection.directory

    @property
    def dockerfile(self) -> str:
        """The Dockerfile's path in the context."""
        return self._selection.dockerfile

    @property
    def ignore_file(self) -> str:
        """The ignore file's path in the context; empty where the default exclusions hold."""
        return self._selection.ignore_file

    @property
    def members(self) -> tuple[Member, ...]:
        """All that is in the archive, sorted by path."""
        return self._selection.members

    @property
    def ignored(self) -> tuple[Ignored, ...]:
        """What was left out, and by which rule."""
        return self._selection.ignored

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the service might object to."""
        return self._selection.warnings

    @property
    def files(self) -> int:
        """How many of the members are files."""
        return self._selection.files

    @property
    def size(self) -> int:
        """The bytes of all files before compression."""
        return self._selection.size

    def close(self) -> None:
        """Remove the archive's file."""
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        amount = f"{self.files} files, {self.archive_size:,} bytes packed"
        return f"<BuildContext {self.hash} of {self.directory}: {amount}>"


def pack(
    directory: str | os.PathLike[str],
    *,
    dockerfile: str | os.PathLike[str] = "Dockerfile",
    exclude: Iterable[str] = (),
    encoder: EncoderChoice = "auto",
    limit: int = CONTEXT_LIMIT,
    progress: Callable[[int, int], None] | None = None,
) -> BuildContext:
    """The build context of a directory; `select` says which paths, and raises, as this does, a ContextError.

    `encoder` is "identical" (the official command line's bytes, so that both share a cache), "parallel" (fast), or
    "auto": identical up to 8 MiB of files. An archive above `limit` bytes is refused. `progress(done, all)` is
    told of members.
    """
    selection = select(directory, dockerfile=dockerfile, exclude=exclude, limit=limit)
    text = read(selection.directory, selection.dockerfile).decode("utf-8", "replace")
    try:
        descriptor, name = tempfile.mkstemp(prefix="context-", suffix=".tar.gz")
    except OSError as error:
        raise ContextError(
            f"There is no place for the archive: {error.strerror}.",
            hint="It needs a directory for temporary files; TMPDIR names another.",
        ) from error
    archive = Path(name)
    chosen = choose(encoder, size=selection.size)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            written = write(selection, file, limit=limit, encoder_name=chosen, progress=progress)
    except BaseException:
        _unlink(archive)
        raise
    return BuildContext(selection, archive=archive, written=written, encoder=chosen, dockerfile_text=text)


def _unlink(archive: Path) -> None:
    archive.unlink(missing_ok=True)
