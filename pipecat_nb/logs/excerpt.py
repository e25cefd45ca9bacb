"""The lines of a Dockerfile around one of its steps."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a Dockerfile: the first one's number, and which of them (by number) are the step's."""

    first: int
    lines: tuple[str, ...]
    marked: range

    def __str__(self) -> str:
        width = len(str(self.first + len(self.lines) - 1))
        rows = (
            f"{'>' if number in self.marked else ' '} {number:>{width}} {line}"
            for number, line in enumerate(self.lines, self.first)
        )
        return "\n".join(row.rstrip() for row in rows)


def excerpt(dockerfile: str, step: str, *, around: int = 2) -> Excerpt | None:
    """The lines around the step that an engine's log names; None where it is not found, or not only once."""
    lines = dockerfile.splitlines()
    wanted = _plain(step)
    found = [span for span in _instructions(lines) if _plain(_joined(lines, span)) == wanted]
    if len(found) != 1:
        return None
    (span,) = found
    first, last = max(span.start - around, 0), min(span.stop + around, len(lines))
    return Excerpt(first + 1, tuple(lines[first:last]), range(span.start + 1, span.stop + 1))


def _instructions(lines: list[str]) -> list[range]:
    """The lines of each instruction, which a backslash at the end goes on from."""
    spans, begun = [], None
    for number, line in enumerate(lines):
        text = line.strip()
        if text.startswith("#") or (not text and begun is None):
            continue
        begun = number if begun is None else begun
        if not text.endswith("\\"):
            spans.append(range(begun, number + 1))
            begun = None
    return spans if begun is None else [*spans, range(begun, len(lines))]


def _joined(lines: list[str], span: range) -> str:
    parts = [lines[number].strip() for number in span if not lines[number].strip().startswith("#")]
    return " ".join(part.removesuffix("\\").strip() for part in parts)


def _plain(text: str) -> str:
    """An instruction as it can be compared: engines write it in capitals and with other blanks."""
    name, _, rest = re.sub(r"\s+", " ", text.strip()).partition(" ")
    return f"{name.upper()} {rest}".strip()
