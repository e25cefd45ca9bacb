"""The card of a build, as HTML and as plain text. Pure: a snapshot in, text out."""

from collections.abc import Iterable
from html import escape

from pipecat_nb.notebook.marked import marked
from pipecat_nb.notebook.snapshot import Snapshot, StageWords
from pipecat_nb.notebook.style import CLASSES, style


def html(snapshot: Snapshot, *, model: str = "", display: str = "") -> str:
    """The card as HTML that needs no script; without its style sheet it still reads in the right order.

    Where a front end runs the widget of that `model`, it makes this card of that `display` a live one.
    """
    label = f"Build of {snapshot.title}: {snapshot.word}"
    parts = [
        # A group, no region: a page has many cards, and a landmark for each would be none.
        f'<div role="group" class="{CLASSES} pcb-card" data-mood="{snapshot.mood}" aria-label="{escape(label)}">',
        f"<style>{style()}</style>",
        *_head(snapshot),
        *_stages(snapshot.stage_words),
        *_facts(snapshot),
        *_now(snapshot),
        *_warning(snapshot),
        *_failure(snapshot),
        *_standing(snapshot),
        "</div>",
    ]
    card = "".join(parts)
    if not model:
        return card
    return f'<div data-pcb-model="{escape(model)}" data-pcb-display="{escape(display)}">{card}</div>'


def _head(snapshot: Snapshot) -> Iterable[str]:
    yield '<div class="pcb-head">'
    yield f'<span class="pcb-status"><span aria-hidden="true">{snapshot.sign}</span> '
    yield f"{escape(snapshot.word)}</span> "
    yield f'<strong class="pcb-name"><bdi>{escape(snapshot.title)}</bdi></strong> '
    if snapshot.cached:
        yield '<span class="pcb-chip">cached</span> '
    yield f'<span class="pcb-time">{escape(snapshot.time)}</span></div>'
    place = " · ".join(f"<bdi>{escape(text)}</bdi>" for text in snapshot.place)
    note = f'<span class="pcb-note"><bdi>{escape(snapshot.note)}</bdi></span>' if snapshot.note else ""
    yield f'<div class="pcb-place">{place}{" · " if place and note else ""}{note}</div>'


def _stages(steps: Iterable[StageWords]) -> Iterable[str]:
    yield '<ol class="pcb-stages">'
    for step in steps:
        width = "" if step.share is None else f' style="--pcb-share:{step.share:.1%}"'
        yield f'<li data-state="{step.state}"{width}><span class="pcb-stage">{escape(step.name)}</span>'
        yield f' <span class="pcb-took">{escape(step.time)}</span>' if step.time else ""
        yield f' <span class="pcb-detail">{escape(step.detail)}</span>' if step.detail else ""
        yield "</li>"
    yield "</ol>"


def _facts(snapshot: Snapshot) -> Iterable[str]:
    for name, value in (("image", snapshot.image_uri), ("id", snapshot.id)):
        if value:
            yield f'<div class="pcb-fact"><span>{name}</span> <code><bdi>{escape(value)}</bdi></code></div>'


def _now(snapshot: Snapshot) -> Iterable[str]:
    if snapshot.log_now:
        yield _last_lines(snapshot.log_now)


def _warning(snapshot: Snapshot) -> Iterable[str]:
    if snapshot.warning:
        yield f'<div class="pcb-trouble"><bdi>{escape(snapshot.warning)}</bdi></div>'


def _failure(snapshot: Snapshot) -> Iterable[str]:
    if snapshot.why:
        yield f'<div class="pcb-error"><bdi>{escape(snapshot.why)}</bdi></div>'
    if snapshot.failed_step:
        yield f'<div class="pcb-title">Failed at <bdi>{escape(snapshot.failed_step)}</bdi></div>'
    if snapshot.excerpt:
        lines = escape("\n".join(snapshot.excerpt))
        yield f'<pre role="group" class="pcb-lines" tabindex="0" aria-label="The Dockerfile’s lines">{lines}</pre>'
    if snapshot.log_tail:
        yield _last_lines(snapshot.log_tail)
    if snapshot.advice:
        yield f'<div class="pcb-advice">{marked(snapshot.advice)}</div>'
    if snapshot.next_command:
        yield f'<div class="pcb-next">The whole log: <code>{escape(snapshot.next_command)}</code></div>'
    if snapshot.trouble:
        yield f'<div class="pcb-trouble">Trying again: <bdi>{escape(snapshot.trouble)}</bdi></div>'


def _last_lines(lines: Iterable[str]) -> str:
    text = escape("\n".join(lines))
    label = 'aria-label="The log’s last lines"'
    return f'<pre role="group" class="pcb-log" tabindex="0" {label}><span>{text}</span></pre>'


def _standing(snapshot: Snapshot) -> Iterable[str]:
    if snapshot.standing:
        yield f'<div class="pcb-trouble">{marked(snapshot.standing)}</div>'


def line(snapshot: Snapshot) -> str:
    """How it stands in one line of plain text."""
    words = [snapshot.sign, snapshot.word, snapshot.title, snapshot.time, "cached" if snapshot.cached else ""]
    return "  ".join(filter(None, words))


def text(snapshot: Snapshot) -> str:
    """The card as plain text."""
    lines = [line(snapshot), f"  {' · '.join([*snapshot.place, *([snapshot.note] if snapshot.note else [])])}"]
    if steps := [_words(step) for step in snapshot.stage_words if step.state != "waiting"]:
        lines.append(f"  {' → '.join(steps)}")
    facts = (("image", snapshot.image_uri), ("id", snapshot.id))
    lines += [f"  {name:<6}{value}" for name, value in facts if value]
    lines += [f"  ! {line}" for line in snapshot.warning.splitlines()]
    lines += [f"  {line}" for line in snapshot.why.splitlines()]
    lines += [f"  at {snapshot.failed_step}"] if snapshot.failed_step else []
    lines += [f"  {line}" for line in snapshot.excerpt]
    lines += [f"  │ {line}" for line in snapshot.log_tail]
    lines += [f"  {snapshot.advice}"] if snapshot.advice else []
    if snapshot.next_command:
        lines.append(f"  The whole log: {snapshot.next_command}")
    if snapshot.trouble:
        lines.append(f"  Trying again: {snapshot.trouble}")
    if snapshot.standing:
        lines.append(f"  {snapshot.standing}")
    return "\n".join(line.rstrip() for line in lines)


def _words(step: StageWords) -> str:
    said = f"{step.name} {step.time}".rstrip()
    return f"{said} ({step.detail})" if step.detail else said
