"""The steps of a build, read from its log: BuildKit's plain progress, buildah, podman, docker's classic builder.

BuildKit writes the output of steps that go on at the same time in turns, each line with its step's number. The
others write one step after another. The hosted service's log is AWS CodeBuild's, whose phases stand around theirs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

State = Literal["done", "cached", "failed", "running"]


@dataclass(frozen=True)
class Step:
    """One step: its text, how it ended, its seconds where the log tells them, and the lines that it wrote.

    `position` is its place, as in `3/6`, and empty for what is the engine's own; `stage` tells of several which.
    `spans` are the numbers, from 0, of its lines in the log, its title's too: half-open ranges, several where
    steps that go on at the same time write in turns.
    """

    name: str
    position: str = ""
    stage: str = ""
    state: State = "running"
    seconds: float | None = None
    lines: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Phase:
    """One phase of CodeBuild around the engine's work; `succeeded` is None while it goes on."""

    name: str
    succeeded: bool | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Log:
    """What a log tells: the steps in the order in which they began, CodeBuild's phases, and the last error."""

    steps: tuple[Step, ...] = ()
    phases: tuple[Phase, ...] = ()
    error: str = ""

    @property
    def failed(self) -> Step | None:
        """The step that failed; of several that BuildKit stopped, the first."""
        return next((step for step in self.steps if step.state == "failed"), None)


_CONTAINER = re.compile(r"\[Container\] (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (.*)")
_ENTERING = re.compile(r"Entering phase (\w+)")
_COMPLETE = re.compile(r"Phase complete: (\w+) State: (\w+)")

_BUILDKIT = re.compile(r"#(\d+) (.*)")
_DONE = re.compile(r"DONE (\d+(?:\.\d+)?)s")
_OUTPUT = re.compile(r"(\d+\.\d+) (.*)")
_TITLE = re.compile(r"\[(?:([^\]\s]+) )?(\d{1,4}/\d{1,4})\] (.*)")

_COUNT = r"\d{1,4}/\d{1,4}"
_STEP = re.compile(rf"(?:\[({_COUNT})\] )?(?:STEP ({_COUNT}): |Step ({_COUNT}) : )(.*)")
_CACHED = re.compile(r"\s*-+> Using cache\b")
_ENDED = re.compile(r"(?:\[\d+/\d+\] )?COMMIT\b|Successfully (?:built|tagged) ")
_ERROR = re.compile(
    r"(?:\[\d+/\d+\] )?(?:ERROR|Error|error)(?: \w+)*: .+"
    r"|The command '.*' returned a non-zero code: \d+|(?:COPY|ADD) failed: .+"
)


#: Phases that may be open at once; CodeBuild has one.
_OPEN = 10


def parse(lines: Iterable[str], *, status: str = "") -> Log:
    """The steps of a log; with the build's final `status` no step is left running."""
    reader = _Reader()
    for line in lines:
        reader.read(line)
    return reader.end(failed=status in ("failed", "timeout"), ended=status in ("success", "failed", "timeout"))


@dataclass
class _Open:
    """A step while it is read; BuildKit repeats its title where it comes back to it."""

    step: Step
    title: str = ""
    lines: list[str] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    latest: float | None = None

    def own(self, number: int) -> None:
        """The log's line of that number is this step's."""
        if self.spans and self.spans[-1][1] == number:
            self.spans[-1] = (self.spans[-1][0], number + 1)
        else:
            self.spans.append((number, number + 1))

    def close(self) -> Step:
        seconds = self.latest if self.step.seconds is None else self.step.seconds
        return replace(self.step, seconds=seconds, lines=tuple(self.lines), spans=tuple(self.spans))


class _Reader:
    """Reads a log line by line."""

    def __init__(self) -> None:
        self._steps: list[_Open] = []
        self._numbered: dict[str, _Open] = {}
        self._phases: list[tuple[Phase, datetime | None]] = []
        self._error = ""
        self._number = -1

    def read(self, line: str) -> None:
        self._number += 1
        if match := _CONTAINER.fullmatch(line):
            self._container(_time(match[1]), match[2])
        elif match := _BUILDKIT.fullmatch(line):
            self._buildkit(match[1], match[2])
        elif match := _STEP.fullmatch(line):
            self._end_last("done")
            stage, position = match[1] or "", match[2] or match[3]
            self._steps.append(_Open(Step(match[4], position, stage)))
            self._steps[-1].own(self._number)
        else:
            self._other(line)

    def _container(self, at: datetime | None, text: str) -> None:
        if match := _ENTERING.match(text):
            self._phases.append((Phase(match[1]), at))
        elif match := _COMPLETE.match(text):
            for number in range(len(self._phases) - 1, max(-1, len(self._phases) - 1 - _OPEN), -1):
                phase, begun = self._phases[number]
                if phase.name == match[1] and phase.succeeded is None:
                    seconds = (at - begun).total_seconds() if at and begun else None
                    self._phases[number] = (Phase(phase.name, match[2] == "SUCCEEDED", seconds), begun)
                    return

    def _buildkit(self, number: str, text: str) -> None:
        opened = self._numbered.get(number)
        if opened is None:
            title = _TITLE.fullmatch(text)
            step = Step(title[3], title[2], title[1] or "") if title else Step(text)
            opened = self._numbered[number] = _Open(step, text)
            self._steps.append(opened)
        opened.own(self._number)
        if opened.title == text:
            return
        if match := _DONE.fullmatch(text):
            seconds = float(match[1])
            if opened.step.state == "running":
                opened.step = replace(opened.step, state="done", seconds=seconds)
        elif text == "CACHED":
            opened.step = replace(opened.step, state="cached")
        elif text.startswith("ERROR"):
            opened.step = replace(opened.step, state="failed")
            opened.lines.append(text)
            self._error = text
        elif text == "CANCELED":
            opened.step = replace(opened.step, state="done")
        elif text != "...":
            match = _OUTPUT.fullmatch(text)
            opened.lines.append(match[2] if match else text)
            opened.latest = float(match[1]) if match else opened.latest

    def _other(self, line: str) -> None:
        if _ERROR.fullmatch(line):
            self._error = line
        if not self._steps or self._numbered:
            return
        last = self._steps[-1]
        if last.step.state in ("running", "cached") and not _ENDED.match(line):
            last.own(self._number)
        if _CACHED.match(line):
            last.step = replace(last.step, state="cached")
        elif _ENDED.match(line):
            self._end_last("done")
        elif last.step.state in ("running", "cached"):
            last.lines.append(line)

    def _end_last(self, state: State) -> None:
        if self._steps and self._steps[-1].step.state == "running":
            self._steps[-1].step = replace(self._steps[-1].step, state=state)

    def end(self, *, failed: bool, ended: bool) -> Log:
        if failed and self._steps and not any(opened.step.state == "failed" for opened in self._steps):
            # The engines that write one step after another stop at the one that fails.
            self._end_last("failed")
        elif not self._numbered and self._error:
            self._end_last("failed")
        if ended:
            for opened in self._steps:
                if opened.step.state == "running":
                    opened.step = replace(opened.step, state="done")
        steps = tuple(opened.close() for opened in self._steps)
        return Log(steps, tuple(phase for phase, _ in self._phases), self._error)


def _time(text: str) -> datetime | None:
    for form in ("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None
