"""`.dockerignore` as Docker reads it: text to patterns, patterns and a path to a verdict.

The rules are those of moby/patternmatcher: the last pattern that matches a path or one of its parents wins, `!`
brings back, `**` spans directories, and patterns are anchored at the context's root.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipecat_nb.errors import InvalidPattern


@dataclass(frozen=True)
class Rule:
    """One pattern, and where it stands (`file:line`)."""

    pattern: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}  {self.pattern}" if self.where else self.pattern


def parse(text: str) -> list[str]:
    """The patterns of an ignore file's text, in order."""
    return [rule.pattern for rule in rules(text)]


def rules(text: str, *, source: str = ".dockerignore") -> list[Rule]:
    """The patterns of an ignore file's text, in order, each with its line."""
    found = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.startswith("#") or not (stripped := line.strip()):
            continue
        inverted = stripped.startswith("!")
        pattern = stripped[1:].strip() if inverted else stripped
        if pattern:
            pattern = _clean(pattern)
            if len(pattern) > 1:
                pattern = pattern.removeprefix("/")
        found.append(Rule(f"!{pattern}" if inverted else pattern, f"{source}:{number}"))
    return found


def _clean(path: str) -> str:
    """Go's filepath.Clean: like normpath, but two leading slashes are one."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


class Matcher:
    """Says of paths (relative, with `/`) whether patterns exclude them; InvalidPattern if one is malformed."""

    def __init__(self, patterns: Iterable[str | Rule]) -> None:
        given = (each if isinstance(each, Rule) else Rule(each) for each in patterns)
        self._patterns = [_compile(rule) for rule in given if rule.pattern.strip()]
        self._exceptions = [pattern for pattern in self._patterns if pattern.exception]

    def excludes(self, path: str) -> bool:
        """Whether a path is left out of the context."""
        return self.rule(path) is not None

    def rule(self, path: str) -> Rule | None:
        """The pattern that leaves a path out; None where it stays."""
        cleaned = _clean(path)
        names = cleaned.split("/")
        parents = ["/".join(names[:depth]) for depth in range(1, len(names))]
        excluding: Rule | None = None
        for pattern in self._patterns:
            # A pattern can only change the verdict that stands so far.
            if pattern.exception == (excluding is not None) and (
                pattern.matches(cleaned) or any(pattern.matches(parent) for parent in parents)
            ):
                excluding = None if pattern.exception else pattern.rule
        return excluding

    def keeps_below(self, directory: str) -> bool:
        """Whether something below an excluded directory may come back through `!`."""
        return any(pattern.reaches_below(directory) for pattern in self._exceptions)


@dataclass(frozen=True)
class _Pattern:
    rule: Rule
    exception: bool
    regex: re.Pattern[str] = field(repr=False)
    #: The pattern of each component; None from the first one on that spans several (`**`).
    components: tuple[re.Pattern[str] | None, ...] = field(repr=False)

    def matches(self, path: str) -> bool:
        return self.regex.fullmatch(path) is not None

    def reaches_below(self, directory: str) -> bool:
        """Whether this can match something below a directory: its first components could be the directory's."""
        for wanted, name in zip(self.components, directory.split("/"), strict=False):
            if wanted is None:
                return True
            if not wanted.fullmatch(name):
                return False
        return True


def _compile(rule: Rule) -> _Pattern:
    text = _clean(rule.pattern.strip())
    exception = text.startswith("!")
    if exception:
        text = text[1:]
        if not text:
            raise _invalid(rule, "`!` stands alone")
    _check(text, rule)
    try:
        regex = re.compile(_regex(text))
        components = tuple(
            None if "**" in name else re.compile("".join(_pieces(name))) for name in text.split("/")
        )
    except re.error as error:
        raise _invalid(rule, str(error)) from error
    return _Pattern(rule, exception, regex, components)


def _regex(text: str) -> str:
    """The regular expression of a pattern; two shapes are prefix and suffix matches, as in the reference."""
    literal = not re.search(
        r"[*?\[\]\\]", text.removeprefix("**") if text.startswith("**") else text.removesuffix("**")
    )
    if literal and text.startswith("**"):
        rest = text[2:]
        if rest.startswith("/"):
            return rf"(?:.*/)?{re.escape(rest[1:])}" if rest[1:] else ".*"
        return rf"(?s:.*){re.escape(rest)}"
    if literal and text.endswith("**"):
        return rf"{re.escape(text[:-2])}(?s:.*)"
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterable[str]:
    at, inside = 0, False
    while at < len(text):
        sign = text[at]
        at += 1
        if sign == "*" and text[at : at + 1] == "*":
            at += 1
            at += text[at : at + 1] == "/"
            yield "(?:.*/)?" if at < len(text) else ".*"
        elif sign == "*":
            yield "[^/]*"
        elif sign == "?":
            yield "[^/]"
        elif sign == "\\":
            yield re.escape(text[at])  # a trailing one was refused
            at += 1
        elif sign == "[" and not inside:
            inside = True
            yield sign
        elif sign == "]" and inside:
            inside = False
            yield sign
        elif inside and sign in "^-":
            yield sign
        else:
            yield re.escape(sign)


def _check(text: str, rule: Rule) -> None:
    """Refuse what Go's filepath.Match calls a bad pattern."""
    at = 0
    while at < len(text):
        sign = text[at]
        at += 1
        if sign == "\\":
            if at == len(text):
                raise _invalid(rule, "it ends in a backslash")
            at += 1
        elif sign == "[":
            at = _check_class(text, at, rule)


def _check_class(text: str, at: int, rule: Rule) -> int:
    """Refuse a bad character class that begins before `at`; where it ends."""
    at += text[at : at + 1] == "^"
    empty = True
    while empty or text[at : at + 1] != "]":
        at = _check_member(text, at, rule)
        if text[at : at + 1] == "-":
            at = _check_member(text, at + 1, rule)
        empty = False
    return at + 1


def _check_member(text: str, at: int, rule: Rule) -> int:
    if text[at : at + 1] in ("", "-", "]"):
        raise _invalid(rule, "a character class is not closed, empty, or has a lone `-`")
    at += text[at] == "\\"
    if at + 1 >= len(text):
        raise _invalid(rule, "a character class is not closed")
    return at + 1


def _invalid(rule: Rule, why: str) -> InvalidPattern:
    place = f"{rule.where}: " if rule.where else ""
    return InvalidPattern(f"{place}the pattern {rule.pattern!r} is malformed: {why}.")
