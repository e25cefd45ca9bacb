"""A directory to a build context: selected, archived into a temporary file, hashed."""

import os
import tempfile
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pipecat_nb.context.archive import ManifestEntry, write
from pipecat_nb.context.selection import Ignored, Member, Selection, select
from pipecat_nb.models import CONTEXT_LIMIT


class BuildContext:
    """A directory as it is sent: its archive, hash and members; `close` removes the archive's file."""

    def __init__(
        self, selection: Selection, *, limit: int, progress: Callable[[int, int], None] | None = None
    ) -> None:
        descriptor, name = tempfile.mkstemp(prefix="context-", suffix=".tar.gz")
        self._remove = weakref.finalize(self, _unlink, name)
        self._selection = selection
        self.archive = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            written = write(selection, file, limit=limit, progress=progress)
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
        files = sum(member.kind == "file" for member in self.members)
        return f"<BuildContext {self.hash} of {self.directory}: {files} files, {self.archive_size:,} bytes packed>"


def pack(
    directory: str | os.PathLike[str],
    *,
    dockerfile: str = "Dockerfile",
    exclude: tuple[str, ...] = (),
    limit: int = CONTEXT_LIMIT,
    progress: Callable[[int, int], None] | None = None,
) -> BuildContext:
    """The build context of a directory; `select` says which paths, and raises, as this does, a ContextError.

    An archive above `limit` bytes is refused. `progress(done, all)` is told of members.
    """
    return BuildContext(select(directory, dockerfile=dockerfile, exclude=exclude), limit=limit, progress=progress)


def _unlink(name: str) -> None:
    Path(name).unlink(missing_ok=True)
