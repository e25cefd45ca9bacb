"""What would be sent of a directory, as HTML and as plain text. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from pipecat_nb.models import CONTEXT_LIMIT
from pipecat_nb.notebook import table
from pipecat_nb.notebook.style import CLASSES, style
from pipecat_nb.quantities import files, size
from pipecat_nb.text import printable

if TYPE_CHECKING:
    from pipecat_nb.context import BuildContext, Finding, Member, Selection, Suspect

#: The most paths of one list that are shown in a page and in a terminal, and how many of the largest.
PAGE, SCREEN, LARGEST = 1000, 20, 8

#: A list that is not longer stands open.
FEW = 12

#: Characters of the longest bar in a terminal.
BAR = 24

#: Which builds the archive finds again, by its encoder.
_CACHE = {
    "identical": "Packed as the official client packs: with the same files sent, both share the build cache.",
    "parallel": "Packed by the parallel encoder: the official client does not find this build in its cache.",
}

Rows = list[tuple[str, ...]]


def html(packed: "BuildContext", *, styled: bool = True) -> str:
    """The preview of a context that was packed; without its style sheet where the page has one already."""
    return _bundle(packed.selection, packed, styled=styled)["text/html"]


def of(packed: "BuildContext") -> dict[str, str]:
    """The preview of a context that was packed, for every front end."""
    return _bundle(packed.selection, packed)


def of_unpacked(selection: "Selection", *, problem: str, styled: bool = True) -> dict[str, str]:
    """The preview of a directory that cannot be packed, and why."""
    return _bundle(selection, None, problem, styled=styled)


def _bundle(
    selection: "Selection", packed: "BuildContext | None", problem: str = "", *, styled: bool = True
) -> dict[str, str]:
    from pipecat_nb.context import suspects  # noqa: PLC0415  the extension loads this module

    found = suspects(selection, packed.secrets if packed else ())
    return {
        "text/html": _html(selection, found, packed, problem, styled=styled),
        "text/plain": _text(selection, found, packed, problem),
    }


def _html(
    selection: "Selection",
    suspects: "Sequence[Suspect]",
    packed: "BuildContext | None",
    problem: str,
    *,
    styled: bool,
) -> str:
    sent, left_out = _sent(selection), _left_out(selection)
    parts = [
        f'<div role="group" class="{CLASSES} pcb-page" aria-label="Preview of {escape(_name(selection))}">',
        f"<style>{style()}</style>" if styled else "",
        f'<div class="pcb-head"><strong class="pcb-name"><bdi>{escape(_name(selection))}</bdi></strong>',
        f" <span>{escape(_amount(selection))}</span></div>",
        f'<div class="pcb-place">{escape(_decided(selection))}</div>',
        *_archive(packed),
        *(f'<div class="pcb-error">{escape(text)}</div>' for text in _warnings(selection, packed, problem)),
        *_suspects(selection, suspects, packed),
        _bars(selection),
        _details(f"Sent: {_paths(len(sent))}", sent, columns=("path", "size"), numbers=(1,)),
        _details(f"Left out: {_paths(len(left_out))}", left_out, columns=("path", "because of")),
        "</div>",
    ]
    return "".join(parts)


def _archive(packed: "BuildContext | None") -> Iterator[str]:
    if packed is not None:
        share = min(1.0, packed.archive_size / CONTEXT_LIMIT)
        yield f'<div class="pcb-place">{_CACHE[packed.encoder]}</div>'
        yield f'<div class="pcb-fact"><span>hash</span> <code>{packed.hash}</code></div>'
        distance = f"<div>{escape(_distance(packed))} {_meter(share)}</div>"
        yield f'<div class="pcb-fact"><span>archive</span> {distance}</div>'


def _meter(share: float) -> str:
    return f'<span class="pcb-meter" aria-hidden="true" style="--pcb-share:{share:.1%}"></span>'


def _suspects(
    selection: "Selection", suspects: "Sequence[Suspect]", packed: "BuildContext | None"
) -> Iterator[str]:
    if rows := _suspicious(suspects, packed):
        yield f'<div class="pcb-title">{_SUSPICIOUS}</div>'
        yield table.table(rows, columns=("path", "what it is", "files", "size"), numbers=(2, 3))
    if lines := _lines(selection, suspects):
        yield f'<div class="pcb-place">{escape(_where(selection))}</div>'
        yield f'<pre class="pcb-lines">{escape(lines)}</pre>'


def _bars(selection: "Selection") -> str:
    rows = []
    for name, bytes_, share in _largest(selection):
        cells = f"<td><bdi>{escape(name)}</bdi></td><td>{_meter(share)}</td>"
        rows.append(f'<tr>{cells}<td class="pcb-number">{escape(bytes_)}</td></tr>')
    head = '<thead><tr><th scope="col">largest</th><td></td><th scope="col">size</th></tr></thead>'
    return f'<table class="pcb-table pcb-bars">{head}<tbody>{"".join(rows)}</tbody></table>'


def _details(
    summary: str, rows: Sequence[Sequence[str]], *, columns: Sequence[str], numbers: Sequence[int] = ()
) -> str:
    if not rows:
        return f'<div class="pcb-place">{summary}</div>'
    shown = table.table(_cut(rows, PAGE), columns=columns, numbers=numbers)
    state = " open" if len(rows) <= FEW else ""
    return f"<details{state}><summary>{summary}</summary>{shown}</details>"


def _text(
    selection: "Selection", suspects: "Sequence[Suspect]", packed: "BuildContext | None", problem: str
) -> str:
    left_out = _left_out(selection)
    lines = [f"{_name(selection)}  {_amount(selection)}", f"  {_decided(selection)}"]
    if packed is not None:
        lines += [f"  {_CACHE[packed.encoder]}", f"  hash {packed.hash}", f"  archive {_distance(packed)}"]
    lines += [f"  ! {line}" for text in _warnings(selection, packed, problem) for line in text.splitlines()]
    if rows := _suspicious(suspects, packed):
        lines += ["", _SUSPICIOUS, table.text(rows, indent="  ")]
    if patterns := _lines(selection, suspects):
        lines += ["", _where(selection), *(f"  {line}" for line in patterns.splitlines())]
    sent = _sent(selection)
    bars = [(name, "█" * max(1, round(share * BAR)), bytes_) for name, bytes_, share in _largest(selection)]
    lines += ["", "Largest", table.text(bars, indent="  "), "", f"Sent: {_paths(len(sent))}"]
    lines += [table.text(_cut(sent, SCREEN), indent="  "), "", f"Left out: {_paths(len(left_out))}"]
    lines.append(table.text(_cut(left_out, SCREEN), indent="  "))
    return "\n".join(lines).rstrip()


_SUSPICIOUS = "Is this meant to be sent?"


def _name(selection: "Selection") -> str:
    return printable(selection.directory.name)


def _amount(selection: "Selection") -> str:
    return f"{files(selection.files)}, {size(selection.size)} before compression"


def _decided(selection: "Selection") -> str:
    by = printable(selection.ignore_file) or "the default exclusions (there is no .dockerignore)"
    unread = "; [build.exclude] of pcc-deploy.toml is not read beside it" if selection.exclude_unread else ""
    return f"{printable(selection.dockerfile)} · what is sent is decided by {by}{unread}"


def _distance(packed: "BuildContext") -> str:
    left = CONTEXT_LIMIT - packed.archive_size
    return f"{size(packed.archive_size)} of at most {size(CONTEXT_LIMIT)}: {size(left)} left"


def _warnings(selection: "Selection", packed: "BuildContext | None", problem: str) -> list[str]:
    secrets = _secrets(packed.secrets) if packed is not None and packed.secrets else ""
    return [printable(text) for text in (problem, secrets, *selection.warnings) if text]


def _secrets(findings: "Iterable[Finding]") -> str:
    found = [*findings]
    listed = "".join(f"\n{finding}" for finding in found[:SCREEN])
    more = f"\n… and {len(found) - SCREEN:,} more" if len(found) > SCREEN else ""
    return f"Secrets: without --allow-secret this is not sent.{listed}{more}"


def _suspicious(suspects: "Sequence[Suspect]", packed: "BuildContext | None") -> Rows:
    """What is suspicious beside the secrets, which stand above with their lines."""
    secret = {finding.path for finding in packed.secrets} if packed is not None else set()
    others = [each for each in suspects if each.path not in secret]
    rows: Rows = [
        (printable(each.path), each.kind, f"{each.files:,}", size(each.size)) for each in others[:SCREEN]
    ]
    more = len(others) - SCREEN
    return [*rows, (f"… and {more:,} more", "", "", "")] if more > 0 else rows


def _where(selection: "Selection") -> str:
    if selection.ignore_file:
        return f"What of it the image does not need is left out by lines in {printable(selection.ignore_file)}:"
    return "What of it the image does not need is left out by patterns in pcc-deploy.toml, under [build.exclude]:"


def _lines(selection: "Selection", suspects: "Sequence[Suspect]") -> str:
    patterns = [printable(each.pattern) for each in suspects if each.pattern]
    more = [f"… and {len(patterns) - SCREEN:,} more"] if len(patterns) > SCREEN else []
    if not selection.ignore_file:
        # As they are written into the list, which may be there already.
        patterns = [f"{json.dumps(pattern, ensure_ascii=False)}," for pattern in patterns]
    return "\n".join([*patterns[:SCREEN], *more])


def _paths(count: int) -> str:
    return f"{count:,} path{'' if count == 1 else 's'}"


def _largest(selection: "Selection") -> list[tuple[str, str, float]]:
    """The largest entries: name, size in words, and their share of the largest."""
    largest = [each for each in selection.largest(LARGEST) if each[1]]
    most = max((bytes_ for _, bytes_ in largest), default=0) or 1
    return [(printable(name), size(bytes_), bytes_ / most) for name, bytes_ in largest]


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


def _cut(rows: Sequence[Sequence[str]], most: int) -> Sequence[Sequence[str]]:
    return rows if len(rows) <= most else [*rows[:most], (f"… and {len(rows) - most:,} more", "")]
