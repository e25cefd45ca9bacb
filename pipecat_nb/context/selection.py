"""A directory to what would be sent of it: every path, or the rule that leaves it out. Nothing is read."""

import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple

from pipecat_nb.context.defaults import DefaultMatcher
from pipecat_nb.context.dockerfile import (
    expect_place,
    find_directory,
    find_dockerfile,
    find_ignore_file,
    missing,
    place_dockerfile,
    read,
)
from pipecat_nb.context.dockerignore import Matcher, rules
from pipecat_nb.context.names import locate, to_name
from pipecat_nb.context.rule import ROOT, Rule, Rules, Verdict
from pipecat_nb.errors import DockerfileNotFound, UnreadableFiles
from pipecat_nb.models import CONTEXT_LIMIT
from pipecat_nb.text import printable

Kind = Literal["file", "symlink", "directory"]

#: Where the rule stands by which the Dockerfile and the ignore file are sent whatever leaves them out.
ALWAYS = "always sent"


class Stamp(NamedTuple):
    """What changes with a path on this machine when it is written or replaced; times in nanoseconds."""

    modified: int
    changed: int
    inode: int
    device: int


class Member(NamedTuple):
    """One path that is sent: relative with `/`, its size in bytes (0 but for files) and mode, a link's target.

    Directories are members only where nothing below them is sent. `rule` is what keeps a path that would else be
    left out. `stamp` is that of a file; `content` that of one which is not in the directory.
    """

    path: str
    kind: Kind
    size: int = 0
    mode: int = 0o644
    target: str = ""
    rule: Rule | None = None
    stamp: Stamp | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
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
    #: Whether there are exclusions of the project that the ignore file stands in place of.
    exclude_unread: bool = False
    #: When the walk began, in nanoseconds since 1970.
    walked_at: int = 0
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sum(member.size for member in self.members))

    @property
    def files(self) -> int:
        """How many of the members are files."""
        return sum(member.kind == "file" for member in self.members)

    def largest(self, number: int) -> list[tuple[str, int]]:
        """The largest entries at the top, in bytes; directories, with all that is in them, end in `/`."""
        sizes: dict[str, int] = {}
        for member in self.members:
            top, slash, _ = member.path.partition("/")
            sizes[top + slash] = sizes.get(top + slash, 0) + member.size
        return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:number]


def select(
    directory: str | os.PathLike[str],
    *,
    dockerfile: str | os.PathLike[str] = "Dockerfile",
    dockerfile_text: str | None = None,
    exclude: Iterable[str] = (),
    limit: int = CONTEXT_LIMIT,
) -> Selection:
    """What would be sent of a directory, sorted by path, and what not, and why.

    `<dockerfile>.dockerignore`, else `.dockerignore`, decides as for Docker; without one, the official command
    line's default exclusions and `exclude`. The Dockerfile and the ignore file are always sent. `dockerfile_text`
    takes the place of the Dockerfile, which need not be there. Raises a ContextError.
    """
    root = find_directory(directory)
    exclude = tuple(exclude)
    try:
        if dockerfile_text is None:
            path, needed = find_dockerfile(root, dockerfile)
        else:
            path, needed = place_dockerfile(root, dockerfile), []
            expect_place(root, path)
        ignore_file, also_needed = find_ignore_file(root, path)
    except PermissionError as error:
        raise unreadable([f"{error.filename} ({error.strerror})"]) from error
    except (OSError, ValueError) as error:  # a name that is too long, or none
        raise DockerfileNotFound(f"{printable(os.fspath(dockerfile))} is no Dockerfile: {error}.") from error
    matcher: Rules
    if ignore_file:
        text = read(root, ignore_file).decode("utf-8", "surrogateescape")
        matcher = Matcher(rules(text, source=ignore_file))
    else:
        matcher = DefaultMatcher(exclude)
    walked_at = time.time_ns()
    walk = _Walk(root, matcher, always={*needed, *also_needed}, emptied=bool(ignore_file))
    walk.run()
    if dockerfile_text is not None:
        walk.members = [*_beside(walk.members, path), _written(path, dockerfile_text)]
    elif not any(member.path == needed[-1] for member in walk.members):
        # Only where the file system takes one case for the other, as the service's does not.
        raise missing(root, os.fspath(dockerfile))
    size = sum(member.size for member in walk.members)
    return Selection(
        directory=root,
        dockerfile=path,
        ignore_file=ignore_file,
        members=tuple(sorted(walk.members, key=attrgetter("path"))),
        ignored=tuple(sorted(walk.ignored, key=attrgetter("path"))),
        warnings=(_above(size, limit),) if size > limit else (),
        exclude_unread=bool(ignore_file and any(exclude)),
        walked_at=walked_at,
    )


def _beside(members: list[Member], path: str) -> Iterator[Member]:
    """The members that can be beside a file of this path."""
    for member in members:
        if member.path != path and not (member.kind == "directory" and path.startswith(f"{member.path}/")):
            yield member


def _written(path: str, text: str) -> Member:
    content = text.encode("utf-8", "replace")
    return Member(path, "file", len(content), rule=Rule(path, ALWAYS), content=content)


def _above(size: int, limit: int) -> str:
    return (
        f"The files are {size / 2**20:,.0f} MB before compression. The limit is {limit / 2**20:,.0f} MB, "
        "and the official command line counts them so."
    )


@dataclass(frozen=True, slots=True)
class _Directory:
    """A directory that is being walked, and how many paths were sent and left out before it."""

    path: str
    verdict: Verdict
    #: The directories in it that are still to be walked.
    below: Iterator[tuple[str, Verdict]]
    empty: bool
    members: int
    ignored: int


class _Walk:
    """One walk over a directory; collects members, what is left out, and all that cannot be sent."""

    def __init__(self, root: Path, rules: Rules, *, always: set[str], emptied: bool) -> None:
        self._directory = str(root)
        self._user = os.geteuid() if hasattr(os, "geteuid") else None
        self._rules = rules
        self._always = always
        # Docker sends a directory of which everything is left out; the official command line does not.
        self._emptied = emptied
        self.members: list[Member] = []
        self.ignored: list[Ignored] = []
        self._unreadable: list[str] = []

    def run(self) -> None:
        """Walk, in a loop: directories may be nested deeper than Python's calls."""
        stack = self._enter("", ROOT)
        while stack:
            below = next(stack[-1].below, None)
            if below is None:
                self._leave(stack.pop())
            else:
                stack += self._enter(*below)
        if self._unreadable:
            raise unreadable(self._unreadable)

    def _enter(self, path: str, verdict: Verdict) -> list[_Directory]:
        """Decide about all that a directory holds; what is to be left again, unless it cannot be entered."""
        try:
            with os.scandir(locate(self._directory, path)) as found:
                entries = list(found)
        except FileNotFoundError:  # gone since its parent was listed
            return []
        except OSError as error:
            if verdict.excluded:
                self._leave_out(f"{path}/", verdict)
            else:
                self._unreadable.append(f"{path or '.'}/ ({error.strerror})")
            return []
        members, ignored = len(self.members), len(self.ignored)
        below = []
        prefix = f"{path}/" if path else ""
        for entry in entries:
            name = prefix + to_name(entry.name)
            of_entry = self._rules.judge(name, verdict)
            if of_entry.excluded and name in self._always:
                of_entry = Verdict(False, Rule(name, ALWAYS), of_entry.matches)
            if entry.is_dir(follow_symlinks=False):
                if not of_entry.excluded or self._holds_below(name):
                    below.append((name, of_entry))
                else:
                    self._leave_out(f"{name}/", of_entry)
            elif of_entry.excluded:
                self._leave_out(name, of_entry)
            else:
                self._file(entry, name, of_entry.rule)
        return [_Directory(path, verdict, iter(below), not entries, members=members, ignored=ignored)]

    def _leave(self, directory: "_Directory") -> None:
        """Say what becomes of a directory of which nothing is sent."""
        path, verdict = directory.path, directory.verdict
        if not path or len(self.members) > directory.members:
            return
        if verdict.excluded:
            del self.ignored[directory.ignored :]
            self._leave_out(f"{path}/", verdict)
        elif self._emptied or directory.empty:
            self.members.append(Member(path, "directory", mode=0o755, rule=verdict.rule))

    def _leave_out(self, path: str, verdict: Verdict) -> None:
        if verdict.rule is not None:
            self.ignored.append(Ignored(path, verdict.rule))

    def _holds_below(self, path: str) -> bool:
        """Whether something below a directory that is left out may be sent all the same."""
        return self._rules.keeps_below(path) or any(name.startswith(f"{path}/") for name in self._always)

    def _file(self, entry: "os.DirEntry[str]", path: str, rule: Rule | None) -> None:
        try:
            status = _status(entry)
            mode = status.st_mode
            if stat.S_ISREG(mode):
                # Their owner may read most files, which takes no call to find out.
                if not (mode & 0o400 and status.st_uid == self._user) and not os.access(entry.path, os.R_OK):
                    self._unreadable.append(f"{path} (no permission to read)")
                    return
                stamp = Stamp(status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
                mode = 0o755 if _executable(entry.path, mode) else 0o644
                self.members.append(Member(path, "file", status.st_size, mode, "", rule, stamp))
            elif stat.S_ISLNK(mode):
                # As it stands: pathlib would tidy it up.
                target = to_name(os.readlink(entry.path).replace(os.sep, "/"))  # noqa: PTH115
                self.members.append(Member(path, "symlink", 0, 0o777, target, rule))
            else:
                self._unreadable.append(f"{path} ({_special(mode)})")
        except FileNotFoundError:  # gone since its directory was listed
            return
        except OSError as error:
            self._unreadable.append(f"{path} ({error.strerror})")


def _status(entry: "os.DirEntry[str]") -> os.stat_result:
    # What Windows lists of a directory may be out of date, and has no inode.
    return os.lstat(entry.path) if os.name == "nt" else entry.stat(follow_symlinks=False)


def _executable(path: str, mode: int) -> bool:
    """Whether the user may execute a file, asked as the official command line does, but only where it can be."""
    return (bool(mode & 0o111) or os.name == "nt") and os.access(path, os.X_OK)


def _special(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "no regular file")


def unreadable(paths: list[str]) -> UnreadableFiles:
    """One error for all paths that cannot be sent."""
    listed = "".join(f"\n  {printable(path)}" for path in sorted(paths)[:20])
    more = f"\n  and {len(paths) - 20} more" if len(paths) > 20 else ""
    return UnreadableFiles(
        f"{len(paths)} path{'s' * (len(paths) > 1)} cannot be sent:{listed}{more}",
        hint="Make them readable, remove them, or list them in .dockerignore.",
    )
