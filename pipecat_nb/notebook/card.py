"""The card of a build, as HTML and as plain text. Pure: a snapshot in, text out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import shorten
from typing import TYPE_CHECKING, Literal

from pipecat_nb import models
from pipecat_nb.notebook.quantities import duration, files, size
from pipecat_nb.notebook.style import CLASSES, style
from pipecat_nb.text import LINE_LIMIT, printable

if TYPE_CHECKING:
    from pipecat_nb.lifecycle import BuildHandle, Stage

Mood = Literal["live", "good", "bad", "unknown"]

_MOODS: dict[str, Mood] = {
    models.SUCCESS: "good",
    models.FAILED: "bad",
    models.TIMEOUT: "bad",
    **dict.fromkeys(("packing", "checking", "uploading", "creating", models.PENDING, models.BUILDING), "live"),
}
_SIGNS: dict[Mood, str] = {"live": "●", "good": "✓", "bad": "✕", "unknown": "?"}

#: stage -> its name while it waits or was left out, goes on, is done, was not reached or failed
_STAGES = {
    "pack": ("Pack", "Packing", "Packed", "Not packed"),
    "upload": ("Upload", "Uploading", "Uploaded", "Not uploaded"),
    "queue": ("Queue", "Queued", "Queued", "Not queued"),
    "build": ("Build", "Building", "Built", "Build failed"),
}
_FORMS = {"waiting": 0, "skipped": 0, "active": 1, "done": 2, "failed": 3}

#: The longest text of a step that a stage shows.
STEP = 70

#: The last lines of a failed build's log that a card shows.
TAIL = 12

# An engine's message that says no more than that a command failed, and the lines of a log that say why.
_EXIT = re.compile(r"\b(?:exit(?:ed)?(?: with)? (?:status|code)|non-zero code)\b\W*\d", re.IGNORECASE)
_TELLING = re.compile(r"(?:\b\w*error|\bfatal)\b\S*:|\bERR!|(?:^|\s)E: ", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What a card shows of a build at one moment; sizes in bytes, `elapsed` in seconds."""

    status: str
    name: str = ""
    cached: bool = False
    where: str = ""
    region: str = ""
    dockerfile: str = ""
    note: str = ""
    elapsed: float = 0.0
    stages: tuple["Stage", ...] = ()
    files: int = 0
    context_size: int = 0
    archive_size: int = 0
    sent: int = 0
    id: str = ""
    context_hash: str = ""
    image_uri: str = ""
    image_size: int | None = None
    error: str = ""
    cause: str = ""
    failed_step: str = ""
    excerpt: tuple[str, ...] = ()
    log_tail: tuple[str, ...] = ()
    advice: str = ""
    step: str = ""
    step_share: float | None = None
    log_now: tuple[str, ...] = ()
    trouble: str = ""
    problem: str = ""
    warning: str = ""

    @classmethod
    def of(cls, handle: "BuildHandle") -> "Snapshot":
        """The handle's state now, its texts made fit to be shown."""
        from pipecat_nb.lifecycle import Diagnosis, Progress  # noqa: PLC0415  the extension loads this module

        def text(value: str) -> str:
            return printable(value, limit=LINE_LIMIT)

        found = handle.diagnosis or Diagnosis()
        now = handle.progress or Progress()
        return cls(
            status=text(handle.status),
            name=text(handle.name),
            cached=handle.cached,
            where=text(handle.where),
            region=text(handle.region),
            dockerfile=text(handle.dockerfile_path),
            note=text(handle.note),
            elapsed=handle.elapsed,
            stages=handle.stages,
            files=handle.files,
            context_size=handle.context_size,
            archive_size=handle.archive_size,
            sent=handle.sent,
            id=text(handle.id),
            context_hash=text(handle.context_hash),
            image_uri=text(handle.image_uri),
            image_size=handle.build.image_size if handle.build else None,
            error=text(handle.error_message),
            cause=text(_cause(handle.error_message, found.tail)),
            failed_step=text(found.where),
            excerpt=tuple(text(line) for line in str(found.excerpt or "").splitlines()),
            log_tail=tuple(text(line) for line in found.tail[-TAIL:]),
            advice=text(found.advice),
            step=shorten(text(now.words), STEP, placeholder=" …"),
            step_share=now.share,
            log_now=() if handle.final else tuple(text(line) for line in now.tail),
            trouble=text(handle.trouble),
            problem=text(handle.problem),
            warning=text(handle.warning),
        )

    @property
    def word(self) -> str:
        """How it stands, in a word: the service's own, unless no build came about."""
        return "not started" if self.problem else self.status

    @property
    def mood(self) -> Mood:
        return "bad" if self.problem else _MOODS.get(self.status, "unknown")

    @property
    def sign(self) -> str:
        return _SIGNS[self.mood]

    @property
    def title(self) -> str:
        return self.name or self.context_hash or "build"

    @property
    def time(self) -> str:
        """How long it has taken so far or in all; empty where no build came about."""
        return "" if self.problem else duration(self.elapsed)

    @property
    def place(self) -> list[str]:
        """Where it is built from what: service, region, Dockerfile."""
        return [text for text in (self.where, self.region, self.dockerfile) if text]

    @property
    def steps(self) -> list["Step"]:
        """The stages that say something, in the words of the card."""
        return [_step(stage, self) for stage in self.stages if stage.state != "skipped" or stage.detail]

    @property
    def why(self) -> str:
        """Why it ended badly, in one or two lines; empty otherwise."""
        return self.problem or "\n".join(filter(None, (self.error, self.cause)))

    @property
    def next_command(self) -> str:
        """What to type next where it ended badly; empty otherwise."""
        return f"%pcbuild logs {self.id[:8]}" if self.mood == "bad" and self.id else ""


def _cause(error: str, log: Sequence[str]) -> str:
    """The log's last line that says why, where the error is a bare exit status; empty otherwise."""
    if not _EXIT.search(error):
        return ""
    return next((line for line in reversed(log) if _TELLING.search(line) and not _EXIT.search(line)), "")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A stage in words; `share` is how much of it is done (0 to 1), where that is known."""

    state: str
    name: str
    time: str = ""
    detail: str = ""
    share: float | None = None


def _step(stage: "Stage", snapshot: Snapshot) -> Step:
    detail, share = stage.detail, None
    if stage.name == "pack" and stage.state == "done":
        detail = f"{files(snapshot.files)}, {size(snapshot.context_size)}"
    elif stage.name == "upload" and stage.state == "active" and snapshot.archive_size:
        share = min(1.0, snapshot.sent / snapshot.archive_size)
        detail = f"{size(snapshot.sent)} of {size(snapshot.archive_size)}"
    elif stage.name == "upload" and stage.state == "done":
        detail = size(snapshot.archive_size)
    elif stage.name == "build" and stage.state == "active":
        detail, share = snapshot.step, snapshot.step_share
    elif stage.name == "build" and stage.state == "done":
        image = f"image {size(snapshot.image_size)}" if snapshot.image_size else ""
        detail = ", ".join(filter(None, (image, snapshot.step)))
    return Step(
        state=stage.state,
        name=_STAGES[stage.name][_FORMS[stage.state]] if stage.name in _STAGES else stage.name,
        time="" if stage.seconds is None else duration(stage.seconds),
        detail=detail,
        share=share,
    )


def html(snapshot: Snapshot) -> str:
    """The card as HTML that needs no script; without its style sheet it still reads in the right order."""
    label = f"Build of {snapshot.title}: {snapshot.word}"
    parts = [
        f'<section class="{CLASSES} pcb-card" data-mood="{snapshot.mood}" aria-label="{escape(label)}">',
        f"<style>{style()}</style>",
        *_head(snapshot),
        *_stages(snapshot.steps),
        *_facts(snapshot),
        *_now(snapshot),
        *_warning(snapshot),
        *_failure(snapshot),
        "</section>",
    ]
    return "".join(parts)


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


def _stages(steps: Iterable[Step]) -> Iterable[str]:
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
        lines = escape("\n".join(snapshot.log_now))
        yield f'<pre class="pcb-log" tabindex="0" aria-label="The log’s last lines"><span>{lines}</span></pre>'


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
        yield f'<pre class="pcb-lines" tabindex="0" aria-label="The Dockerfile’s lines">{lines}</pre>'
    if snapshot.log_tail:
        lines = escape("\n".join(snapshot.log_tail))
        yield f'<pre class="pcb-log" tabindex="0" aria-label="The log’s last lines"><span>{lines}</span></pre>'
    if snapshot.advice:
        yield f'<div class="pcb-advice"><bdi>{escape(snapshot.advice)}</bdi></div>'
    if snapshot.next_command:
        yield f'<div class="pcb-next">The whole log: <code>{escape(snapshot.next_command)}</code></div>'
    if snapshot.trouble:
        yield f'<div class="pcb-trouble">Trying again: <bdi>{escape(snapshot.trouble)}</bdi></div>'


def line(snapshot: Snapshot) -> str:
    """How it stands in one line of plain text."""
    words = [snapshot.sign, snapshot.word, snapshot.title, snapshot.time, "cached" if snapshot.cached else ""]
    return "  ".join(filter(None, words))


def text(snapshot: Snapshot) -> str:
    """The card as plain text."""
    lines = [line(snapshot), f"  {' · '.join([*snapshot.place, *([snapshot.note] if snapshot.note else [])])}"]
    if steps := [_words(step) for step in snapshot.steps if step.state != "waiting"]:
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
    return "\n".join(line.rstrip() for line in lines)


def _words(step: Step) -> str:
    said = f"{step.name} {step.time}".rstrip()
    return f"{said} ({step.detail})" if step.detail else said
