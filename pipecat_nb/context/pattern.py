"""One pattern of an ignore file: its text to a predicate on paths.

A pattern is checked as Go's `filepath.Match` does, then becomes a Go regular expression by the rules of
moby/patternmatcher, which know no character classes; so what stands inside one may mean what nobody meant, such
as `[*]`. Docker's builds depend on these meanings, and so they are kept.
"""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pipecat_nb.context.rule import Rule
from pipecat_nb.errors import InvalidPattern

#: Go's unicode.IsSpace; str.strip() without arguments takes more.
SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)

#: Inside of brackets as `[:name:]`.
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-\~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
#: What a backslash makes of these letters, in Go as in Python.
_KINDS = "dDsSwW"
_PLACES = {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"\B"}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True)
class Pattern:
    """A pattern that has been understood; an `exception` (`!`) brings back what others leave out."""

    rule: Rule
    exception: bool
    #: Whether a path (not its parents) matches.
    matches: Callable[[str], bool] = field(repr=False)
    #: What every matching path begins with; whether more may follow; whether that may hold any number of `/`.
    start: str
    open: bool
    deep: bool
    depth: int

    def reaches_below(self, directory: str) -> bool:
        """Whether a path below a directory could match."""
        below = f"{directory}/"
        if not (self.start.startswith(below) or (self.open and below.startswith(self.start))):
            return False
        return self.deep or self.depth > directory.count("/")


def clean(path: str) -> str:
    """Go's filepath.Clean: like normpath, but two leading slashes are one."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def understand(rule: Rule) -> Pattern:
    """The pattern of a rule; raises InvalidPattern, which names the rule's place."""
    text = clean(rule.pattern.strip(SPACE))
    exception = text.startswith("!")
    text = text.removeprefix("!")
    try:
        _check(text)
        matches, literal = _predicate(text)
    except _Malformed as error:
        place = f"{rule.where}: " if rule.where else ""
        raise InvalidPattern(f"{place}the pattern {rule.pattern!r} is malformed: {error}.") from None
    return Pattern(
        rule,
        exception,
        matches,
        start=text if literal else "" if set(text) & set("{|") else re.split(r"[*?^\[\]\\]", text)[0],
        open=not literal,
        # A class, and some escapes, match `/` too.
        deep=not literal and any(sign in text for sign in ("**", "[", "\\", "{", "|")),
        depth=text.count("/"),
    )


class _Malformed(Exception):
    pass


def _check(text: str) -> None:
    """Refuse a lone `!`, and what Go's filepath.Match calls a bad pattern."""
    if not text:
        raise _Malformed("`!` stands alone")
    at = 0
    while at < len(text):
        if text[at] == "[":
            at = _check_class(text, at + 1)
        elif text[at] == "\\":
            at += 2
            if at > len(text):
                raise _Malformed("it ends in a backslash")
        else:
            at += 1


def _check_class(text: str, at: int) -> int:
    """Check a character class from behind its `[`; where the pattern goes on."""
    at += text.startswith("^", at)
    begin = at
    while not (text.startswith("]", at) and at > begin):
        at = _check_member(text, at)
        if text.startswith("-", at):
            at = _check_member(text, at + 1)
    return at + 1


def _check_member(text: str, at: int) -> int:
    if text[at : at + 1] in ("-", "]"):
        raise _Malformed("a character class has an empty range, or `-` or `]` without a backslash before it")
    at += 1 + text.startswith("\\", at)
    if at >= len(text):
        raise _Malformed("a character class is not closed")
    return at


def _predicate(text: str) -> tuple[Callable[[str], bool], bool]:
    """What a pattern matches, and whether that is its own text and nothing else."""
    special = set(text) & set("*?[]\\")
    if not special:
        return text.__eq__, True
    if special == {"*"} and text.count("*") == 2 and "**" in text:
        if text.startswith("**"):
            end = text[2:]
            return (lambda path: path.endswith(end) or (end[:1] == "/" and path == end[1:])), False
        if text.endswith("**"):
            start = text[:-2]
            return (lambda path: path.startswith(start)), False
    try:
        expression = re.compile(rf"^{_python(_go(text))}\Z", re.ASCII)
    except re.error as error:
        raise _Malformed(str(error)) from error
    return (lambda path: expression.search(path) is not None), False


def _go(text: str) -> str:
    """The Go regular expression of a pattern."""
    pieces = []
    at = 0
    while at < len(text):
        sign = text[at]
        at += 1
        if sign == "*" and text.startswith("*", at):
            at += 1
            at += text.startswith("/", at)
            pieces.append("(.*/)?" if at < len(text) else ".*")
        elif sign == "*":
            pieces.append("[^/]*")
        elif sign == "?":
            pieces.append("[^/]")
        elif sign == "\\":
            pieces.append(sign + text[at])
            at += 1
        else:
            # The reference means to escape `{`, `|` and `}` too; its table ends before them.
            pieces.append(f"\\{sign}" if sign in ".+()$" else sign)
    return "".join(pieces)


def _python(go: str) -> str:
    """Python's regular expression for one of Go's."""
    pieces = []
    at = 0
    while at < len(go):
        if go[at] == "[":
            piece, at = _class(go, at + 1)
        elif go[at] == "\\":
            piece, at = _escape(go[at + 1]), at + 2
        elif repetition := re.compile(r"\{\d+(,\d*)?\}", re.ASCII).match(go, at):
            piece, at = repetition[0], repetition.end()
        else:
            piece, at = go[at] if go[at] in ".*?()^|" else re.escape(go[at]), at + 1
        pieces.append(piece)
    return "".join(pieces)


def _escape(sign: str) -> str:
    if sign in _PLACES:
        return _PLACES[sign]
    return f"\\{sign}" if sign in _KINDS else re.escape(_literal(sign))


def _literal(sign: str) -> str:
    """The character that an escape stands for."""
    if sign in _CONTROLS:
        return _CONTROLS[sign]
    if sign.isascii() and not sign.isalnum():
        return sign
    raise _Malformed(f"`\\{sign}` means nothing; directories are parted by `/`")


def _class(go: str, at: int) -> tuple[str, int]:
    """A character class from behind its `[`, and where the expression goes on."""
    negated = go.startswith("^", at)
    at += negated
    begin, pieces = at, []
    while not (go.startswith("]", at) and at > begin):
        if go.startswith("[:", at) and (end := go.find(":]", at + 2)) > 0:
            name, at = go[at + 2 : end], end + 2
            if name not in _CLASSES:
                raise _Malformed(f"there is no class [:{name}:]")
            pieces.append(_CLASSES[name])
        elif go.startswith("\\", at) and go[at + 1] in _KINDS:
            pieces.append(go[at : at + 2])
            at += 2
        else:
            first, at = _member(go, at)
            last = first
            if go.startswith("-", at) and not go.startswith("-]", at):
                last, at = _member(go, at + 1)
            if last < first:
                raise _Malformed(f"the range {first}-{last} goes backwards")
            pieces.append(f"{re.escape(first)}-{re.escape(last)}")
    return f"[{'^' * negated}{''.join(pieces)}]", at + 1


def _member(go: str, at: int) -> tuple[str, int]:
    if at + 1 >= len(go):
        raise _Malformed("a character class is not closed")
    return (_literal(go[at + 1]), at + 2) if go[at] == "\\" else (go[at], at + 1)
