"""A small table of texts, as HTML and as plain text. Pure."""

from collections.abc import Sequence
from html import escape

from pipecat_nb.notebook.style import CLASSES, style
from pipecat_nb.text import printable

Rows = Sequence[Sequence[str]]


def bundle(rows: Rows, *, columns: Sequence[str] = ()) -> dict[str, str]:
    """A table for every front end; without columns' names the first cell of a row is its name."""
    clean = [[printable(cell) for cell in row] for row in rows]
    html = f'<div class="{CLASSES} pcb-page"><style>{style()}</style>{table(clean, columns=columns)}</div>'
    return {"text/html": html, "text/plain": text([columns, *clean] if columns else clean)}


def table(rows: Rows, *, columns: Sequence[str] = (), numbers: Sequence[int] = ()) -> str:
    """The table's HTML; `numbers` are the columns aligned to the right."""
    kinds = [
        'class="pcb-number"' if column in numbers else "" for column in range(len(max(rows, key=len, default=())))
    ]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(f"<tr>{_row(row, kinds, named=not columns)}</tr>" for row in rows)
    thead = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f'<table class="pcb-table">{thead}<tbody>{body}</tbody></table>'


def _row(row: Sequence[str], kinds: Sequence[str], *, named: bool) -> str:
    cells = []
    for number, (cell, kind) in enumerate(zip(row, kinds, strict=True)):
        tag = 'th scope="row"' if named and number == 0 else "td"
        cells.append(f"<{' '.join(filter(None, (tag, kind)))}><bdi>{escape(cell)}</bdi></{tag[:2]}>")
    return "".join(cells)


def text(rows: Rows, *, indent: str = "") -> str:
    """Aligned columns of plain text."""
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)
