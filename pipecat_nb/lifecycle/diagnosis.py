"""Why a build failed, read from its log and its Dockerfile. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pipecat_nb.logs import Cause, Excerpt, Step, excerpt, find_cause, parse
from pipecat_nb.models import FAILED
from pipecat_nb.text import without_dump

#: Lines of the failing step's end that are kept.
TAIL = 20


@dataclass(frozen=True)
class Diagnosis:
    """The step that failed, the Dockerfile's lines around it, the last lines that it wrote, and a known cause.

    What is the build's own error already is not among the lines.
    """

    step: Step | None = None
    excerpt: Excerpt | None = None
    tail: tuple[str, ...] = ()
    cause: Cause | None = None

    @property
    def where(self) -> str:
        """The failing step in words; empty where it is not known."""
        if self.step is None:
            return ""
        place = " ".join(filter(None, (self.step.stage, self.step.position)))
        return f"step {place}: {self.step.name}" if place else self.step.name

    @property
    def advice(self) -> str:
        """The known cause and what mends it; empty where none is known."""
        return f"{self.cause.name[0].upper()}{self.cause.name[1:]}. {self.cause.hint}" if self.cause else ""


def diagnose(lines: Sequence[str], *, error: str = "", dockerfile: str | None = None) -> Diagnosis:
    """Why a build failed, by its log's lines, its error, and its Dockerfile's text where that is known."""
    step = parse(lines, status=FAILED).failed
    said = [(without_dump(line), line) for line in (step.lines if step is not None and step.lines else lines)]
    told = (shown for shown, line in said if shown or not line)
    # Once what is said twice: engines repeat what a command has told.
    written = [line for line, _ in groupby(told) if line != without_dump(error)]
    return Diagnosis(
        step=step,
        excerpt=excerpt(dockerfile, step.name) if step is not None and dockerfile else None,
        tail=tuple(written[-TAIL:]),
        cause=find_cause(lines, error=error),
    )
