"""How far a build has come, read from its log. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipecat_nb.logs import Step, parse

#: Lines of the log's end that are kept.
TAIL = 6


@dataclass(frozen=True)
class Progress:
    """The steps of a build so far, its log's last lines, and how many lines there are."""

    steps: tuple[Step, ...] = ()
    tail: tuple[str, ...] = ()
    lines: int = 0

    @property
    def current(self) -> Step | None:
        """The Dockerfile's step that goes on, or else the last that began."""
        steps = [step for step in self.steps if step.position]
        return next((step for step in steps if step.state == "running"), steps[-1] if steps else None)

    @property
    def share(self) -> float | None:
        """How much of the current stage's steps is done, 0 to 1; None where that is not known."""
        number, slash, count = (self.current.position if self.current else "").partition("/")
        if not slash or not int(count):
            return None
        done = int(number) if self.current and self.current.state != "running" else int(number) - 1
        return min(1.0, done / int(count))

    @property
    def words(self) -> str:
        """The current step in words; of a build that has ended, how many there were, how many were reused."""
        step = self.current
        if step is None:
            return ""
        if step.state == "running":
            return f"step {step.position.replace('/', ' of ')}: {step.name}"
        steps = [each for each in self.steps if each.position]
        cached = sum(each.state == "cached" for each in steps)
        return f"{len(steps)} step{'s' * (len(steps) > 1)}{f', {cached} reused' if cached else ''}"


def progress(lines: Sequence[str], *, status: str) -> Progress:
    """How far a build has come by its log's lines."""
    return Progress(parse(lines, status=status).steps, tuple(lines[-TAIL:]), len(lines))
