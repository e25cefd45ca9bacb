"""What decides about paths: rules with the place where they stand, and verdicts."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern, and where it stands (`file:line`, or the name of a list)."""

    pattern: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}  {self.pattern}" if self.where else self.pattern


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a path is left out, and the rule that decided; None where none applies.

    `matches` tells for each rule whether it matches the path or, where that mattered, a parent of it.
    """

    excluded: bool
    rule: Rule | None = None
    matches: tuple[bool, ...] = ()


#: Of the context's own directory.
ROOT = Verdict(excluded=False)


class Rules(Protocol):
    """A set of rules that a directory is walked by."""

    def judge(self, path: str, parent: Verdict) -> Verdict:
        """The verdict on a path (relative, with `/`), given that on the directory it is in."""

    def keeps_below(self, directory: str) -> bool:
        """Whether something below a directory that is left out may come back."""
