"""What would be sent of a directory and why the rest would not, as HTML and as plain text. Pure."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from pipecat_nb.notebook import table
from pipecat_nb.notebook.quantities import files, size
from pipecat_nb.notebook.style import CLASSES, style
from pipecat_nb.text import printable

if TYPE_CHECKING:
    from pipecat_nb.context import EncoderName, Member, Selection

#: The most paths of one list that are shown in a page and in a terminal, and how many of the largest stand first.
PAGE, SCREEN, LARGEST = 1000, 20, 5

#: A list that is not longer stands open.
FEW = 12

#: Which builds the archive finds again, by its encoder.
_CACHE = {
    "identical": "Packed as the official client packs: with the same files sent, both share the build cache.",
    "parallel": "Packed by the parallel encoder: the official client does not find this build in its cache.",
}

Rows = list[tuple[str, str]]


def bundle(selection: "Selection", *, encoder: "EncoderName") -> dict[str, str]:
    """A selection for every front end: its largest paths, what is left out by which rule, warnings."""
    return {"text/html": _html(selection, encoder), "text/plain": _text(selection, encoder)}


def _html(selection: "Selection", encoder: "EncoderName") -> str:
    sent, left_out = _sent(selection), _left_out(selection)
    parts = [
        f'<section class="{CLASSES} pcb-page" aria-label="Preview of {escape(_name(selection))}">',
        f"<style>{style()}</style>",
        f'<div class="pcb-head"><strong class="pcb-name"><bdi>{escape(_name(selection))}</bdi></strong>',
        f" <span>{escape(_amount(selection))}</span></div>",
        f'<div class="pcb-place">{escape(_decided(selection))}</div>',
        f'<div class="pcb-place">{_CACHE[encoder]}</div>',
        *(f'<div class="pcb-error">{escape(printable(warning))}</div>' for warning in selection.warnings),
        table.table(_largest(selection), columns=("largest", "size"), numbers=(1,)) if len(sent) > FEW else "",
        _details(f"Sent: {_paths(len(sent))}", sent, columns=("path", "size"), numbers=(1,)),
        _details(f"Left out: {_paths(len(left_out))}", left_out, columns=("path", "because of")),
        "</section>",
    ]
    return "".join(parts)


def _details(summary: str, rows: Rows, *, columns: Sequence[str], numbers: Sequence[int] = ()) -> str:
    if not rows:
        return f'<div class="pcb-place">{summary}</div>'
    shown = table.table(_cut(rows, PAGE), columns=columns, numbers=numbers)
    state = " open" if len(rows) <= FEW else ""
    return f"<details{state}><summary>{summary}</summary>{shown}</details>"


def _text(selection: "Selection", encoder: "EncoderName") -> str:
    left_out = _left_out(selection)
    lines = [
        f"{_name(selection)}  {_amount(selection)}",
        f"  {_decided(selection)}",
        f"  {_CACHE[encoder]}",
        *(f"  ! {printable(warning)}" for warning in selection.warnings),
        "",
        "Largest",
        table.text(_largest(selection), indent="  "),
        "",
        f"Left out: {_paths(len(left_out))}",
        table.text(_cut(left_out, SCREEN), indent="  "),
    ]
    return "\n".join(lines).rstrip()


def _name(selection: "Selection") -> str:
    return printable(selection.directory.name)


def _amount(selection: "Selection") -> str:
    return f"{files(selection.files)}, {size(selection.size)} before compression"


def _decided(selection: "Selection") -> str:
    by = printable(selection.ignore_file) or "the default exclusions (there is no .dockerignore)"
    return f"{printable(selection.dockerfile)} · what is sent is decided by {by}"


def _paths(count: int) -> str:
    return f"{count:,} path{'' if count == 1 else 's'}"


def _largest(selection: "Selection") -> Rows:
    by_size = sorted(selection.members, key=lambda member: (-member.size, member.path))
    return [(printable(member.path), size(member.size)) for member in by_size[:LARGEST]]


def _sent(selection: "Selection") -> Rows:
    """All paths that are sent, with their size or what else they are."""
    return [(printable(member.path), _size_or_kind(member)) for member in selection.members]


def _size_or_kind(member: "Member") -> str:
    if member.kind == "symlink":
        return f"→ {printable(member.target)}"
    return "empty directory" if member.kind == "directory" else size(member.size)


def _left_out(selection: "Selection") -> Rows:
    """All paths that are left out, with the rule and where it stands."""
    return [(printable(each.path), printable(str(each.rule))) for each in selection.ignored]


def _cut(rows: Rows, most: int) -> Rows:
    return rows if len(rows) <= most else [*rows[:most], (f"… and {len(rows) - most:,} more", "")]
