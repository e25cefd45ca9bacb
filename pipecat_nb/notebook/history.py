"""A DataFrame of builds as a table for people. Pure."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from pipecat_nb.notebook.snapshot import mood_of
from pipecat_nb.notebook.style import CLASSES, style

if TYPE_CHECKING:
    from pipecat_nb.analysis.buildframe import BuildFrame, Cell


def html(frame: "BuildFrame") -> str | None:
    """The table's HTML: whole texts on hover, statuses by sign, word and colour; of other frames pandas' own."""
    from pipecat_nb.analysis.buildframe import NUMBERS  # noqa: PLC0415  pandas comes with it

    shown = frame.shown()
    if shown is None:
        plain: str | None = frame._repr_html_()  # type: ignore[operator]
        return plain
    kinds = [' class="pcb-number"' if name in NUMBERS else "" for name in shown.columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(shown.columns, kinds, strict=True)
    )
    body = "".join(f"<tr>{_row(row, shown.columns, kinds)}</tr>" for row in shown.rows)
    notes = "".join(f'<div class="pcb-place">{escape(note)}</div>' for note in shown.notes)
    table = f'<table class="pcb-table pcb-history"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="{CLASSES} pcb-page"><style>{style()}</style>{table}{notes}</div>'


def _row(row: "Sequence[Cell]", columns: Sequence[str], kinds: Sequence[str]) -> str:
    return "".join(_cell(cell, name, kind) for cell, name, kind in zip(row, columns, kinds, strict=True))


def _cell(cell: "Cell", name: str, kind: str) -> str:
    title = f' title="{escape(cell.whole)}"' if cell.whole and cell.whole != cell.text else ""
    if name == "status" and cell.text:
        mood, sign = mood_of(cell.text)
        inner = f'<span class="pcb-said-{mood}"><span aria-hidden="true">{sign}</span> {escape(cell.text)}</span>'
        return f"<td>{inner}</td>"
    if name == "build":
        return f"<td><code{title}>{escape(cell.text)}</code></td>"
    return f"<td{kind}{title}><bdi>{escape(cell.text)}</bdi></td>"
