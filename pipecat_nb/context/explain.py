"""Why one path is sent or left out, in a sentence, and whether it holds secrets."""

import io
import os
from pathlib import Path

from pipecat_nb.context.names import to_local, to_name
from pipecat_nb.context.secrets import Search
from pipecat_nb.context.selection import ALWAYS, Ignored, Member, Selection
from pipecat_nb.text import printable

#: The most paths that are named.
_LISTED = 20


def why(selection: Selection, path: str | os.PathLike[str]) -> str:
    """Whether a path is sent and which rule decides; it is relative to the directory (or to the current one)."""
    name = _name(selection.directory, path)
    if name in (".", "..") or name.startswith("../"):
        place = printable(str(selection.directory))
        return _all(selection) if name == "." else f"{printable(name)} is not within {place}."
    for member in selection.members:
        if member.path == name:
            return f"{printable(name)} is sent: {_because(member)}{_secrets(selection, member)}"
    for ignored in selection.ignored:
        if name == ignored.path.rstrip("/"):
            return f"{printable(name)} is left out by {_rule(ignored)}"
        if ignored.path.endswith("/") and name.startswith(ignored.path):
            return f"{printable(name)} is left out with {printable(ignored.path)} by {_rule(ignored)}"
    return _below(selection, name)


def _secrets(selection: Selection, member: Member) -> str:
    """That a file is refused all the same, where it holds secrets."""
    if member.kind != "file":
        return ""
    search = Search(member.path)
    try:
        local = to_local(selection.directory, member.path)
        with local.open("rb") if member.content is None else io.BytesIO(member.content) as file:
            while data := file.read(2**20):
                search.feed(data)
    except OSError:
        return ""
    found = search.end()
    listed = "".join(f"\n  {finding}" for finding in found[:_LISTED])
    return f"\nBut a build is refused without --allow-secret, for what is in it:{listed}" if found else ""


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
        return f"{printable(name)}/ is a directory: {len(sent):,} paths sent, {len(left_out):,} left out.{rules}"
    if os.path.lexists(to_local(selection.directory, name)):
        return f"{printable(name)} is not sent by itself: it holds nothing that is, or stands behind a link."
    return f"There is no {printable(name)} in {printable(str(selection.directory))}."


def _name(directory: Path, path: str | os.PathLike[str]) -> str:
    try:
        local = Path(os.path.normpath(Path(path).expanduser()))
    except RuntimeError:  # nobody's home directory
        local = Path(path)
    here = Path.cwd() / local
    if not os.path.lexists(directory / local) and os.path.lexists(here) and here.is_relative_to(directory):
        local = here
    if local.is_absolute():
        local = Path(os.path.relpath(local.parent.resolve() / local.name, directory))
    return to_name(local.as_posix())


def _rule(ignored: Ignored) -> str:
    return printable(str(ignored.rule))
