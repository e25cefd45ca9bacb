"""A directory to what would be sent of it: every path, or the rule that leaves it out. Nothing is read."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Literal, Protocol

from pipecat_nb.context.defaults import DefaultMatcher
from pipecat_nb.context.dockerignore import Matcher, Rule, rules
from pipecat_nb.errors import DirectoryNotFound, DockerfileNotFound, UnreadableFiles
from pipecat_nb.models import CONTEXT_LIMIT

Kind = Literal["file", "symlink", "directory"]


@dataclass(frozen=True)
class Member:
    """One path that is sent: relative with `/`, its size in bytes (0 but for files) and mode, a link's target.

    Directories are members only where nothing below them is sent.
    """

    path: str
    kind: Kind
    size: int = 0
    mode: int = 0o644
    target: str = ""


@dataclass(frozen=True)
class Ignored:
    """One path that is not sent, and the rule; a directory ends in `/` and stands for all below."""

    path: str
    rule: Rule


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What would be sent of a directory; `size` is in bytes, uncompressed."""

    directory: Path
    dockerfile: str
    #: The ignore file that was read; empty where the default exclusions hold.
    ignore_file: str
    members: tuple[Member, ...]
    ignored: tuple[Ignored, ...]
    warnings: tuple[str, ...] = ()
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sum(member.size for member in self.members))


class _Matcher(Protocol):
    def rule(self, path: str, /) -> Rule | None: ...
    def keeps_below(self, directory: str, /) -> bool: ...


def select(
    directory: str | os.PathLike[str], *, dockerfile: str = "Dockerfile", exclude: tuple[str, ...] = ()
) -> Selection:
    """What would be sent of a directory, sorted by path, and what not, and why.

    `<dockerfile>.dockerignore`, else `.dockerignore`, decides as for Docker; without one, the official command
    line's default exclusions and `exclude`. The Dockerfile and the ignore file are always sent. Raises a
    ContextError.
    """
    root = Path(directory).expanduser().resolve()
    if not root.is_dir():
        what = "is not a directory" if root.exists() else "does not exist"
        raise DirectoryNotFound(f"{root} {what}.", hint="Name the directory that holds the Dockerfile.")
    dockerfile = _find_dockerfile(root, dockerfile)
    ignore_file = next(
        (name for name in (f"{dockerfile}.dockerignore", ".dockerignore") if (root / name).is_file()), ""
    )
    matcher: _Matcher
    if ignore_file:
        text = (root / ignore_file).read_text(encoding="utf-8", errors="surrogateescape")
        matcher = Matcher(rules(text, source=ignore_file))
    else:
        matcher = DefaultMatcher(exclude)
    walk = _Walk(root, matcher, always=frozenset({dockerfile, ignore_file}), emptied=bool(ignore_file))
    walk.run()
    selection = Selection(
        directory=root,
        dockerfile=dockerfile,
        ignore_file=ignore_file,
        members=tuple(sorted(walk.members, key=attrgetter("path"))),
        ignored=tuple(sorted(walk.ignored, key=attrgetter("path"))),
    )
    if selection.size > CONTEXT_LIMIT:
        said = (
            f"The files are {selection.size / 2**20:,.0f} MB before compression. The limit is "
            f"{CONTEXT_LIMIT // 2**20} MB, and the official command line counts them so."
        )
        object.__setattr__(selection, "warnings", (said,))
    return selection


class _Walk:
    """One walk over a directory; collects members, what is left out, and all that cannot be sent."""

    def __init__(self, root: Path, matcher: _Matcher, *, always: frozenset[str], emptied: bool) -> None:
        self._root = root
        self._matcher = matcher
        self._always = always
        # Docker sends a directory of which everything is left out; the official command line does not.
        self._emptied = emptied
        self.members: list[Member] = []
        self.ignored: list[Ignored] = []
        self._unreadable: list[str] = []

    def run(self) -> None:
        self._directory("", excluded=False)
        if self._unreadable:
            raise unreadable(self._unreadable)

    def _directory(self, path: str, *, excluded: bool) -> bool:
        """Walk one directory; whether anything of it is sent."""
        try:
            with os.scandir(self._root / path) as found:
                entries = sorted(found, key=attrgetter("name"))
        except OSError as error:
            self._unreadable.append(f"{path or '.'}/ ({error.strerror})")
            return False
        before = len(self.members)
        for entry in entries:
            self._entry(entry, f"{path}/{entry.name}" if path else entry.name)
        sent = len(self.members) > before
        if path and not sent and not excluded and (self._emptied or not entries):
            self.members.append(Member(path, "directory", mode=0o755))
        return sent

    def _entry(self, entry: "os.DirEntry[str]", path: str) -> None:
        rule = None if path in self._always else self._matcher.rule(path)
        if entry.is_dir(follow_symlinks=False):
            if rule is None or self._holds_below(path):
                sent = self._directory(path, excluded=rule is not None)
                if rule is None or sent:
                    return
            self.ignored.append(Ignored(f"{path}/", rule))
        elif rule is not None:
            self.ignored.append(Ignored(path, rule))
        else:
            self._file(entry, path)

    def _holds_below(self, path: str) -> bool:
        """Whether something below a directory that is left out may be sent all the same."""
        return self._matcher.keeps_below(path) or any(name.startswith(f"{path}/") for name in self._always)

    def _file(self, entry: "os.DirEntry[str]", path: str) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                self.members.append(Member(path, "symlink", mode=0o777, target=str(Path(entry.path).readlink())))
            elif not stat.S_ISREG(status.st_mode):
                self._unreadable.append(f"{path} ({_special(status.st_mode)})")
            elif not os.access(entry.path, os.R_OK):
                self._unreadable.append(f"{path} (no permission to read)")
            else:
                mode = 0o755 if executable(entry.path, status.st_mode) else 0o644
                self.members.append(Member(path, "file", status.st_size, mode))
        except OSError as error:
            self._unreadable.append(f"{path} ({error.strerror})")


def executable(path: str, mode: int) -> bool:
    """Whether the user may execute a file, asked as the official command line does, but only where it can be."""
    return (os.name == "nt" or bool(mode & 0o111)) and os.access(path, os.X_OK)


def _special(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "no regular file")


def unreadable(paths: list[str]) -> UnreadableFiles:
    """One error for all paths that cannot be sent."""
    listed = "".join(f"\n  {_printable(path)}" for path in paths[:20])
    more = f"\n  and {len(paths) - 20} more" if len(paths) > 20 else ""
    return UnreadableFiles(
        f"{len(paths)} path{'s' * (len(paths) > 1)} cannot be sent:{listed}{more}",
        hint="Make them readable, remove them, or list them in .dockerignore.",
    )


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


def _find_dockerfile(root: Path, dockerfile: str) -> str:
    """The Dockerfile's path in the context."""
    path = Path(os.path.normpath(root / dockerfile))
    if not path.is_relative_to(root):
        raise DockerfileNotFound(
            f"The Dockerfile {dockerfile} is outside of {root}.", hint="The service builds from the context alone."
        )
    if not path.is_file():
        found = ", ".join(sorted(_dockerfiles(root))[:5])
        hint = (
            f"There is {found}: name it with --dockerfile."
            if found
            else "Write one: FROM dailyco/pipecat-base:latest"
        )
        raise DockerfileNotFound(f"{root} has no {dockerfile}.", hint=hint)
    return path.relative_to(root).as_posix()


def _dockerfiles(root: Path) -> Iterator[str]:
    """The Dockerfiles in a directory and the ones in it."""
    for pattern in ("*", "*/*"):
        for path in root.glob(pattern):
            name = path.name.lower()
            if "dockerfile" in name and not name.endswith(".dockerignore") and path.is_file():
                yield path.relative_to(root).as_posix()
