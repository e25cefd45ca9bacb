"""`.dockerignore` as Docker reads it: text to patterns, patterns and a path to a verdict.

The rules are those of moby/patternmatcher: the last pattern that matches a path or one of its parents wins, `!`
brings back, `**` spans directories, and patterns are anchored at the context's root.
"""

import re
from collections.abc import Iterable

from pipecat_nb.context.pattern import SPACE, clean, understand
from pipecat_nb.context.rule import Rule, Verdict


def parse(text: str) -> list[str]:
    """The patterns of an ignore file's text, in order."""
    return [rule.pattern for rule in rules(text)]


def rules(text: str, *, source: str = ".dockerignore") -> list[Rule]:
    """The patterns of an ignore file's text, in order, each with its line."""
    found = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.startswith("#") or not (stripped := line.strip(SPACE)):
            continue
        inverted = stripped.startswith("!")
        pattern = stripped[1:].strip(SPACE) if inverted else stripped
        if pattern:
            pattern = clean(pattern)
            if len(pattern) > 1:
                pattern = pattern.removeprefix("/")
        found.append(Rule(f"!{pattern}" if inverted else pattern, f"{source}:{number}"))
    return found


def quote(path: str) -> str:
    """The pattern that means one path and no other; for a line's end in a name, which none can hold, any sign."""
    # A pattern becomes a regular expression, whose signs Docker does not take for its own.
    pattern = re.sub(r"([^\w/. @%,:;='\"<>&~`-])", r"\\\1", re.sub(r"[\r\n]", "?", path).replace("?", "\0"))
    pattern = pattern.replace("\\\0", "?")
    if pattern.endswith(" "):
        pattern = f"{pattern[:-1]}[ ]"
    return f"\\{pattern}" if pattern.startswith(("#", "!", " ")) else pattern


class Matcher:
    """Says of paths (relative, with `/`) whether patterns exclude them; InvalidPattern if one is malformed."""

    def __init__(self, patterns: Iterable[str | Rule]) -> None:
        given = (each if isinstance(each, Rule) else Rule(each) for each in patterns)
        self._patterns = [understand(rule) for rule in given if rule.pattern.strip(SPACE)]
        self._exceptions = [pattern for pattern in self._patterns if pattern.exception]

    def excludes(self, path: str) -> bool:
        """Whether a path is left out, by the patterns that match it or any of its parents."""
        return self.judge(path).excluded

    def judge(self, path: str, parent: Verdict | None = None) -> Verdict:
        """The verdict on a path; with that on the directory it is in, as Docker comes to it when it walks.

        The two differ: to a walk, `!` says nothing about a directory that was not left out, so that of `**/.env`
        and `!agent` the first decides about `agent/.env`; to a path alone, the second does, as the last that
        matches it or a parent.
        """
        path = path.rstrip("/")
        inherited = parent.matches if parent else ()
        matches = []
        excluded, deciding = False, None
        for number, pattern in enumerate(self._patterns):
            matched = inherited[number] if inherited else False
            # A pattern can only change the verdict that stands so far.
            if not matched and pattern.exception == excluded:
                matched = pattern.matches(path) or (not inherited and any(map(pattern.matches, _parents(path))))
            if matched:
                excluded, deciding = not pattern.exception, pattern.rule
            matches.append(matched)
        return Verdict(excluded, deciding, tuple(matches))

    def keeps_below(self, directory: str) -> bool:
        """Whether something below an excluded directory may come back through `!`."""
        return any(pattern.reaches_below(directory) for pattern in self._exceptions)


def _parents(path: str) -> list[str]:
    names = path.split("/")
    return ["/".join(names[:depth]) for depth in range(1, len(names))]
