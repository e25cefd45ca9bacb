"""What the panel says, as HTML. Pure."""

from html import escape

from pipecat_nb.errors import PipecatError
from pipecat_nb.notebook.marked import marked
from pipecat_nb.notebook.style import CLASSES
from pipecat_nb.text import LINE_LIMIT, printable

#: Lines of the longest message.
_LINES = 20


def quiet(text: str) -> str:
    """What stands where there is nothing to show yet."""
    return f'<div class="{CLASSES} pcb-place">{escape(text)}</div>'


def status(text: str) -> str:
    """What happens, or has happened; a screen reader says it."""
    return f'<div class="{CLASSES} pcb-message" role="status">{_marked(text)}</div>'


def error(raised: Exception) -> str:
    """What happened and what to do next, of whatever an action raised."""
    if isinstance(raised, PipecatError):
        what, then = raised.message, raised.hint
    else:
        what = f"{type(raised).__name__}: {raised}"
        then = "This is a fault of pipecat_nb; the log has its traceback."
    hint = f'<div class="pcb-next">{_marked(then)}</div>' if then else ""
    shown = f'<div class="pcb-error"><span aria-hidden="true">✕ </span>{_marked(what)}</div>'
    return f'<div class="{CLASSES} pcb-message" role="alert" data-mood="bad">{shown}{hint}</div>'


def head(place: str, problem: str) -> str:
    """Where builds go, as far as it is known, and what is wrong there."""
    where = f"<strong><bdi>{escape(printable(place))}</bdi></strong>" if place else "…"
    alert = f'<div class="pcb-error" role="alert">{_marked(problem)}</div>' if problem else ""
    return f'<div class="{CLASSES}">Builds go to {where}{alert}</div>'


def page(title: str, html: str) -> str:
    """A page that can be closed."""
    inner = f"<details open><summary>{escape(title)}</summary>{html}</details>"
    return f'<div class="{CLASSES} pcb-panel-page">{inner}</div>'


def saved(place: str) -> str:
    """What stands where a saved notebook is read without its kernel."""
    told = f"A panel of the builds at {printable(place) or 'this place'}: run the cell to use it."
    return f'<div class="{CLASSES}">{escape(told)}</div>'


def _marked(text: str) -> str:
    return marked(printable(text, limit=_LINES * LINE_LIMIT))
