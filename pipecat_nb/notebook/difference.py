"""Why a build was made, or how two differ, as HTML. Pure."""

from html import escape
from typing import TYPE_CHECKING

from pipecat_nb.notebook.style import CLASSES, style
from pipecat_nb.text import LINE_LIMIT, printable

if TYPE_CHECKING:
    from pipecat_nb.lifecycle import Explanation, FileChange

#: The most files whose text stands open.
OPEN = 5


def html(explanation: "Explanation", *, styled: bool = True) -> str:
    """The reasons, and the files that differ with their text; it needs no script.

    Without its style sheet where the page has one already.
    """
    title = escape(explanation.title)
    sides = [str(side) for side in (explanation.before, explanation.after) if side and str(side)]
    reasons = "".join(f"<li><bdi>{escape(reason)}</bdi></li>" for reason in explanation.reasons)
    parts = [
        f'<div role="group" class="{CLASSES} pcb-page" aria-label="{title}">',
        f"<style>{style()}</style>" if styled else "",
        f'<div class="pcb-head"><strong class="pcb-name"><bdi>{title}</bdi></strong></div>',
        *(f'<div class="pcb-place"><bdi>{escape(side)}</bdi></div>' for side in sides),
        f'<ul class="pcb-reasons">{reasons}</ul>',
        *(_file(change, open_=number < OPEN) for number, change in enumerate(explanation.listed)),
        f'<div class="pcb-place">{explanation.more}</div>' if explanation.more else "",
        "</div>",
    ]
    return "".join(parts)


def _file(change: "FileChange", *, open_: bool) -> str:
    head = f'<span class="pcb-{change.kind}">{change.kind}</span> <bdi>{escape(printable(change.path))}</bdi>'
    said = f"{change.extent} ({change.note})" if change.note else change.extent
    extent = f'<span class="pcb-quiet">{escape(said)}</span>'
    if not change.diff:
        return f'<div class="pcb-file">{head} {extent}</div>'
    lines = "".join(_line(printable(line, limit=LINE_LIMIT)) for line in change.diff)
    state = " open" if open_ else ""
    summary = f"<summary>{head} {extent}</summary>"
    return f'<details class="pcb-file"{state}>{summary}<pre class="pcb-lines">{lines}</pre></details>'


def _line(line: str) -> str:
    # The sign at its beginning says the same as the colour.
    kind = {"+": "added", "-": "removed", "@": "quiet"}.get(line[:1])
    return f'<span class="pcb-{kind}">{escape(line)}</span>\n' if kind else f"{escape(line)}\n"
