"""Why one path is sent or left out, in a sentence. Pure but for asking whether it exists."""

import os
from pathlib import Path

from pipecat_nb.context.names import to_local, to_name
from pipecat_nb.context.selection import ALWAYS, Ignored, Member, Selection
from pipecat_nb.text import printable

#: The most paths that are named.
_LISTED = 20


def why(selection: Selection, path: str | os.PathLike[str]) -> str:
    """Whether a path is sent and which rule decides; it is relative to the directory, or absolute."""
    name = _name(selection.directory, path)
    if name == "." or name.startswith("../"):
        return f"{printable(name)} is not within {selection.directory}." if name != "." else _all(selection)
    for member in selection.members:
        if member.path == name:
            return f"{printable(name)} is sent: {_because(member)}"
    for ignored in selection.ignored:
        if name == ignored.path.rstrip("/"):
            return f"{printable(name)} is left out by {_rule(ignored)}"
        if ignored.path.endswith("/") and name.startswith(ignored.path):
            return f"{printable(name)} is left out with {printable(ignored.path)} by {_rule(ignored)}"
    return _below(selection, name)


def _because(member: Member) -> str:
    if member.rule is None:
        return "no rule leaves it out."
    if member.rule.where == ALWAYS:
        return "no build can do without it."
    return f"it is brought back by {printable(str(member.rule))}"


def _all(selection: Selection) -> str:
    return f"That is the directory itself: {selection.files:,} of its files are sent."


def _below(selection: Selection, name: str) -> str:
    """Of a path that is neither sent nor left out itself: a directory with some of both, or nothing."""
    sent = [member for member in selection.members if member.path.startswith(f"{name}/")]
    left_out = [each for each in selection.ignored if each.path.startswith(f"{name}/")]
    if sent or left_out:
        rules = "".join(f"\n  {printable(each.path)}  {_rule(each)}" for each in left_out[:_LISTED])
        return f"{printable(name)}/ in part: {len(sent):,} sent, {len(left_out):,} left out.{rules}"
    if os.path.lexists(to_local(selection.directory, name)):
        return f"{printable(name)} is not sent: it holds nothing that is."
    return f"There is no {printable(name)} in {selection.directory}."


def _name(directory: Path, path: str | os.PathLike[str]) -> str:
    local = Path(os.path.normpath(Path(path).expanduser()))
    if local.is_absolute():
        local = Path(os.path.relpath(local.parent.resolve() / local.name, directory))
    return to_name(local.as_posix())


def _rule(ignored: Ignored) -> str:
    return printable(str(ignored.rule))
