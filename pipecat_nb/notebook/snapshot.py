"""What is shown of a build at one moment, in the words of its card. Pure, but for the handle that is looked at."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from textwrap import shorten
from typing import TYPE_CHECKING, Literal

from pipecat_nb import models
from pipecat_nb.quantities import duration, files, size
from pipecat_nb.text import LINE_LIMIT, printable

if TYPE_CHECKING:
    from pipecat_nb.lifecycle import BuildHandle, Stage
    from pipecat_nb.logs import Step

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


def mood_of(status: str) -> tuple[Mood, str]:
    """The mood of a status, and its sign."""
    mood = _MOODS.get(status, "unknown")
    return mood, _SIGNS[mood]


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
    upload_rate: float = 0.0
    packed: int = 0
    to_pack: int = 0
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
    log_steps: tuple["Step", ...] = ()
    seen: str = ""
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
            upload_rate=handle.upload_rate,
            packed=handle.packed,
            to_pack=handle.to_pack,
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
            log_steps=tuple(replace(step, name=text(step.name), stage=text(step.stage)) for step in now.steps),
            # As whoever opens the notebook later reads it: no more is known of a build that goes on.
            seen="" if handle.final or handle.problem else datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
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
    def stage_words(self) -> list["StageWords"]:
        """The stages that say something, in the words of the card."""
        return [_in_words(stage, self) for stage in self.stages if stage.state != "skipped" or stage.detail]

    @property
    def why(self) -> str:
        """Why it ended badly, in one or two lines; empty otherwise."""
        return self.problem or "\n".join(filter(None, (self.error, self.cause)))

    @property
    def standing(self) -> str:
        """Of a build that goes on, when that was seen, and what shows how it stands since; empty otherwise."""
        if not self.seen:
            return ""
        command = f" `%pcbuild status {self.id[:8]}` shows how it stands now." if self.id else ""
        return f"As of {self.seen}.{command}"

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
class StageWords:
    """A stage in words; `share` is how much of it is done (0 to 1), where that is known."""

    state: str
    name: str
    seconds: float | None = None
    detail: str = ""
    share: float | None = None

    @property
    def time(self) -> str:
        """Its seconds as people read them; empty where they are not known."""
        return "" if self.seconds is None else duration(self.seconds)


def _in_words(stage: "Stage", snapshot: Snapshot) -> StageWords:
    detail, share = stage.detail, None
    if stage.name == "pack" and stage.state == "done":
        detail = f"{files(snapshot.files)}, {size(snapshot.context_size)}"
    elif stage.name == "pack" and stage.state == "active" and snapshot.to_pack:
        share = snapshot.packed / snapshot.to_pack
        detail = f"{snapshot.packed:,} of {files(snapshot.to_pack)}"
    elif stage.name == "upload" and stage.state == "active" and snapshot.archive_size:
        share = min(1.0, snapshot.sent / snapshot.archive_size)
        detail = _sending(snapshot)
    elif stage.name == "upload" and stage.state == "done":
        detail = ", ".join(filter(None, (size(snapshot.archive_size), _rate(snapshot.upload_rate))))
    elif stage.name == "build" and stage.state == "active":
        detail, share = snapshot.step, snapshot.step_share
    elif stage.name == "build" and stage.state == "done":
        image = f"image {size(snapshot.image_size)}" if snapshot.image_size else ""
        detail = ", ".join(filter(None, (image, snapshot.step)))
    return StageWords(
        state=stage.state,
        name=_STAGES[stage.name][_FORMS[stage.state]] if stage.name in _STAGES else stage.name,
        seconds=stage.seconds,
        detail=detail,
        share=share,
    )


def _sending(snapshot: Snapshot) -> str:
    """How far an upload is, how fast it goes, and how long it will take at that."""
    said = [f"{size(snapshot.sent)} of {size(snapshot.archive_size)}", _rate(snapshot.upload_rate)]
    if snapshot.upload_rate and snapshot.sent < snapshot.archive_size:
        left = (snapshot.archive_size - snapshot.sent) / snapshot.upload_rate
        said.append(f"{duration(left)} left")
    return ", ".join(filter(None, said))


def _rate(rate: float) -> str:
    return f"{size(round(rate))}/s" if rate else ""
