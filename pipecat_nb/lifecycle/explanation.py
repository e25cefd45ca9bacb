"""Why a build was made: what differs between what was sent for it and for the one before."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pipecat_nb import models
from pipecat_nb.context.manifest import Change, compare
from pipecat_nb.errors import NotFound
from pipecat_nb.record import Contexts, Kept, Record
from pipecat_nb.text import LINE_LIMIT, printable

if TYPE_CHECKING:
    from pipecat_nb.client import Client

#: Lines of all text diffs together; a diff that would not fit is left out whole.
MOST_LINES = 400

#: The most files that are listed where it is shown.
LISTED = 200


@dataclass(frozen=True)
class Side:
    """One of two builds that are compared: its id, of what, its note, and when it was started here."""

    id: str
    name: str = ""
    note: str = ""
    started_at: datetime | None = None

    def __str__(self) -> str:
        started = f"{self.started_at.astimezone():%Y-%m-%d %H:%M:%S}" if self.started_at else ""
        said = [text for text in (printable(self.name), started, printable(self.note)) if text]
        return " · ".join([self.id[:8], *said]) if said else ""


@dataclass(frozen=True)
class FileChange:
    """One path that differs, and its text's unified diff; where there is none, `note` says why."""

    change: Change
    diff: tuple[str, ...] = ()
    note: str = ""

    @property
    def path(self) -> str:
        return self.change.path

    @property
    def kind(self) -> str:
        """How it differs: added, removed or changed."""
        return self.change.kind

    @property
    def extent(self) -> str:
        """By how much: bytes before and after, or what else differs."""
        before, after = self.change.before, self.change.after
        if before is None or after is None:
            entry = before or after
            return _bytes(entry.size) if entry and entry.kind == "file" else entry.kind if entry else ""
        if before.kind != after.kind:
            return f"{before.kind} → {after.kind}"
        if before.digest == after.digest:
            return f"mode {before.mode:o} → {after.mode:o}"
        return f"{before.size:,} → {_bytes(after.size)}"


@dataclass(frozen=True, repr=False)
class Explanation:
    """Why a build was made, or how two differ: in words, the weightiest reason first, and the files."""

    after: Side
    before: Side | None
    reasons: tuple[str, ...]
    changes: tuple[FileChange, ...] = ()

    @property
    def title(self) -> str:
        """Which builds it is about."""
        return f"Build {' → '.join(side.id[:8] for side in (self.before, self.after) if side)}"

    def __repr__(self) -> str:
        sides = [f"  {side}" for side in (self.before, self.after) if side and str(side)]
        lines = [self.title, *sides, *self.reasons]
        for change in self.listed:
            note = f"  ({change.note})" if change.note else ""
            lines.append(f"  {change.kind:<8} {printable(change.path)}  {change.extent}{note}")
            lines += [f"    {printable(line, limit=LINE_LIMIT)}" for line in change.diff]
        return "\n".join([*lines, self.more] if self.more else lines)

    @property
    def listed(self) -> tuple[FileChange, ...]:
        """The files that are named where it is shown."""
        return self.changes[:LISTED]

    @property
    def more(self) -> str:
        """How many files are not named there; empty where all are."""
        count = len(self.changes) - LISTED
        return f"… and {count:,} files more" if count > 0 else ""


def why(client: "Client", build_id: str) -> Explanation:
    """Why a build was made or found again, from what this machine kept of it and of the start before it.

    Asks the service how the earlier build ended where nothing else tells. Raises a PipecatError.
    """
    record = Record(client.target.account)
    start = record.latest(build_id)
    if start is None:
        return Explanation(Side(build_id), None, ("This build was not started on this machine.",))
    earlier = record.before(start)
    if start.cached:
        return _of_the_cache(record.contexts, earlier, start)
    if earlier is None:
        return Explanation(_side(start), None, ("It is the first build of this directory on this machine.",))
    found = compared(record.contexts, earlier, start)
    if found.reasons:
        return found
    return Explanation(_side(start), _side(earlier), (_of_nothing(client, earlier, start),))


def _of_the_cache(contexts: Contexts, earlier: Kept | None, start: Kept) -> Explanation:
    """Why a build was not made: and where the directory had changed meanwhile, since when it had not."""
    found = "It was not built again: there was a build of the same content, region and Dockerfile."
    if earlier is None or earlier.id == start.id:
        return Explanation(_side(start), None, (found,))
    since = compared(contexts, earlier, start)
    return Explanation(since.after, since.before, (found, *since.reasons), since.changes)


def difference(client: "Client", before_id: str, after_id: str) -> Explanation:
    """How what was sent for one build differs from what was sent for another; raises a PipecatError."""
    record = Record(client.target.account)
    before, after = record.made(before_id), record.made(after_id)
    if before is None or after is None:
        unknown = before_id if before is None else after_id
        reason = f"Build {unknown[:8]} was not started on this machine."
        return Explanation(Side(after_id), Side(before_id), (reason,))
    found = compared(record.contexts, before, after)
    if found.reasons:
        return found
    return Explanation(found.after, found.before, ("Nothing differs: the same content, region and Dockerfile.",))


def compared(contexts: Contexts, before: Kept, after: Kept) -> Explanation:
    """The differences of two starts; without reasons where there is none."""
    changes = _changes(contexts, before, after)
    reasons = tuple(_reasons(contexts, before, after, changes))
    return Explanation(_side(after), _side(before), reasons, tuple(_with_diffs(contexts, changes or ())))


def _changes(contexts: Contexts, before: Kept, after: Kept) -> list[Change] | None:
    """The paths that differ, the Dockerfile's first; None where it is not known what was sent."""
    old, new = contexts.manifest(before.context_hash), contexts.manifest(after.context_hash)
    if old is None or new is None:
        return None
    return sorted(compare(old, new), key=lambda change: (change.path != after.dockerfile_path, change.path))


def _reasons(contexts: Contexts, before: Kept, after: Kept, changes: Sequence[Change] | None) -> Iterator[str]:
    if changes is None:
        yield "What was sent then is not known any more."
    elif changes:
        if changes[0].path == after.dockerfile_path:
            name = "" if after.dockerfile_path == "Dockerfile" else f" {printable(after.dockerfile_path)}"
            yield f"The Dockerfile{name} was {changes[0].kind}."
        files = [change for change in changes if change.path != after.dockerfile_path]
        counts = [(kind, sum(change.kind == kind for change in files)) for kind in ("added", "changed", "removed")]
        if files:
            said = ", ".join(f"{count:,} {kind}" for kind, count in counts if count)
            yield f"{'Files differ' if len(files) > 1 else 'A file differs'}: {said}."
    if before.region and before.region != after.region:
        yield f"The region is {printable(after.region)}, it was {printable(before.region)}."
    if before.dockerfile_path and before.dockerfile_path != after.dockerfile_path:
        yield f"The Dockerfile is {printable(after.dockerfile_path)}, it was {printable(before.dockerfile_path)}."
    if before.directory != after.directory:
        yield f"The directory is {printable(after.directory)}, it was {printable(before.directory)}."
    encoders = contexts.encoder(before.context_hash), contexts.encoder(after.context_hash)
    if all(encoders) and encoders[0] != encoders[1]:
        yield f"It was packed by the {encoders[1]} encoder, before by the {encoders[0]} one."
    if after.no_cache:
        yield "A new build was asked for (--no-cache)."


def _of_nothing(client: "Client", before: Kept, after: Kept) -> str:
    """Why the same was built again."""
    if before.context_hash != after.context_hash:
        return "Nothing differs: it was packed anew, as after --no-cache or by another version of this package."
    try:
        earlier = client.get_build(before.id)
    except NotFound:
        return "Nothing differs: the service does not know the earlier build any more."
    if earlier.status in (models.FAILED, models.TIMEOUT):
        how = "had failed" if earlier.status == models.FAILED else "was stopped at its time limit"
        return f"Nothing differs: the earlier build {how}."
    if earlier.completed_at is None or earlier.completed_at > after.started_at:
        return "Nothing differs: the earlier build had not ended yet."
    return "Nothing differs that this machine knows of."


def _with_diffs(contexts: Contexts, changes: Sequence[Change]) -> Iterator[FileChange]:
    left = MOST_LINES
    for change in changes:
        if not left:
            yield FileChange(change)
            continue
        diff, note = _diff(contexts, change)
        if len(diff) > left:
            diff, note = (), "its text is too long to be shown"
        left -= len(diff)
        yield FileChange(change, diff, note)


def _diff(contexts: Contexts, change: Change) -> tuple[tuple[str, ...], str]:
    """A file's unified diff, or why there is none."""
    before, after = change.before, change.after
    sides = [side for side in (before, after) if side is not None]
    if any(side.kind != "file" for side in sides) or len({side.digest for side in sides}) < len(sides):
        return (), ""
    old, new = (contexts.text(side.digest) if side is not None else "" for side in (before, after))
    if old is None or new is None:
        return (), "its text was not kept: it is large, no text, or held a secret" if len(sides) > 1 else ""
    lines = tuple(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2))[2:]
    return lines, "" if lines or not old or not new else "only its line ends differ"


def _bytes(count: int) -> str:
    return f"{count:,} byte{'' if count == 1 else 's'}"


def _side(start: Kept) -> Side:
    return Side(start.id, start.name, start.note, start.started_at)
