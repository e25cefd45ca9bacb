"""What can be typed after `%pcbuild`: a parser for each subcommand."""

import argparse
import difflib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from IPython.core.error import UsageError
from IPython.utils.process import arg_split  # type: ignore[attr-defined]

#: The subcommand of a line that begins with none: build a directory.
BUILD = "build"

#: The most lines of a log that the service gives at once.
MOST_LINES = 10_000

#: Seconds to wait for the end of a build, unless told otherwise.
WAIT = 3600.0

#: The ways to compress a context. The room that has them is imported when it is first used.
ENCODERS = ("auto", "identical", "parallel")

_BUILD_HELP = "an id, a unique beginning of one, or ^1 for the last build, ^2 for the one before (default: ^1)"


# Blanks and words up to a # that begins a word: inside one, or in quotes, it belongs to the text.
_BEFORE_COMMENT = re.compile(r"""(?:\s|(?!#)(?:[^\s'"\\]|\\.|"(?:\\.|[^"\\])*"|'[^']*')+)*""")


class HelpShown(Exception):
    """The line asked for help only, which has been printed."""


class Parser(argparse.ArgumentParser):
    """An argument parser that ends no kernel."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"{self.prog}: {message}\n{self.format_usage().rstrip()}\n`{self.prog} --help` explains it."
        )

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments that the words mean; raises UsageError, which guesses what was meant."""
        given, rest = self.parse_known_args(words)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}. {self._guess(given, rest)}".rstrip())
        return given

    def _guess(self, given: argparse.Namespace, rest: Sequence[str]) -> str:
        flags = re.findall(r"--[\w-]+", self.format_usage())
        for word in rest:
            if close := difflib.get_close_matches(word.partition("=")[0], flags, n=1):
                return f"Did you mean {close[0]}?"
        if getattr(given, "directory", None) == BUILD:
            return f"Did you mean `%pcbuild {rest[0]}`?"
        if "directory" not in given or rest[0].startswith("-"):
            return ""
        return 'Put quotes round what has spaces, as in "my agent".'

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise HelpShown


def _build(parser: Parser) -> None:
    _directory(parser)
    parser.add_argument("--region", help="where to build (default: the project's, then the organization's)")
    _encoder(parser)
    parser.add_argument("--no-cache", action="store_true", help="build also what was built before")
    parser.add_argument(
        "--allow-secret",
        metavar="PATH",
        action="append",
        default=[],
        help="send a file, or a directory's, although keys were found there (may be given again)",
    )
    parser.add_argument("--note", default="", help="a few words that the history keeps")
    parser.add_argument(
        "--wait", action="store_true", help="wait for the end; a build that fails then raises BuildFailed"
    )


def _directory(parser: Parser) -> None:
    parser.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        help="what to build (default: the project of ./pcc-deploy.toml, or .)",
    )
    parser.add_argument("--dockerfile", metavar="FILE", help="the Dockerfile's path in DIR (default: Dockerfile)")


def _encoder(parser: Parser) -> None:
    parser.add_argument(
        "--encoder",
        choices=ENCODERS,
        default="auto",
        help="identical: the official client's bytes and cache; parallel: faster; auto: identical up to 8 MB",
    )


def _preview(parser: Parser) -> None:
    _directory(parser)
    _encoder(parser)
    parser.add_argument("--why", metavar="PATH", help="say of one path in DIR why it is sent or left out")


def _reference(parser: Parser) -> None:
    parser.add_argument("build", metavar="BUILD", type=_build_named, nargs="?", default="^1", help=_BUILD_HELP)


def _logs(parser: Parser) -> None:
    _reference(parser)
    parser.add_argument(
        "--limit", metavar="N", type=_lines, default=500, help=f"lines, 1 to {MOST_LINES} (default: 500)"
    )


def _wait(parser: Parser) -> None:
    _reference(parser)
    parser.add_argument(
        "--timeout", metavar="S", type=_seconds, default=WAIT, help=f"seconds to wait at most (default: {WAIT:g})"
    )


def _history(parser: Parser) -> None:
    parser.add_argument("--status", help="pending, building, success, failed or timeout")
    parser.add_argument("--region", help="a region's code")
    parser.add_argument("--since", metavar="TIME", help="created after: 7d, 36h, 2026-02-20, 2026-02-20T14:30")
    parser.add_argument("--until", metavar="TIME", help="created before, in the same forms")
    parser.add_argument("--limit", metavar="N", type=_count, help="rows at most (default: all)")
    parser.add_argument("--context-hash", metavar="HASH", help="of one context's content")
    parser.add_argument("--directory", metavar="DIR", help="started from this directory, on this machine")
    parser.add_argument("--refresh", action="store_true", help="forget what is known, and ask for all anew")


def _diff(parser: Parser) -> None:
    parser.add_argument("first", metavar="A", type=_build_named, nargs="?", default="^1", help=_BUILD_HELP)
    parser.add_argument(
        "second",
        metavar="B",
        type=_build_named,
        nargs="?",
        help="from A to B (with A alone: from what was started before it in its directory to A)",
    )


def _panel(parser: Parser) -> None:
    parser.add_argument("directory", metavar="DIR", nargs="?", help="what its form is to begin with (default: .)")


def _help(parser: Parser) -> None:
    parser.add_argument("topic", metavar="SUBCOMMAND", nargs="?", help="what to explain")


def _nothing(parser: Parser) -> None:
    pass


def _build_named(text: str) -> str:
    if text.startswith("^") and not re.fullmatch(r"\^[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"{text} is no build: ^1 is the last one, ^2 the one before")
    return text


def _number(text: str, *, least: int, most: int | None = None) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if value < least or (most is not None and value > most):
        bounds = f"{least} or more" if most is None else f"{least} to {most}"
        raise argparse.ArgumentTypeError(f"{text} is not {bounds}")
    return value


def _lines(text: str) -> int:
    return _number(text, least=1, most=MOST_LINES)


def _count(text: str) -> int:
    return _number(text, least=0)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


@dataclass(frozen=True)
class Subcommand:
    """A subcommand: what it does, in a line, and the arguments that it takes."""

    summary: str
    arguments: Callable[[Parser], None]


SUBCOMMANDS = {
    BUILD: Subcommand("build a directory's image, and follow it on a card", _build),
    "preview": Subcommand("what would be sent, and why the rest would not; no network", _preview),
    "status": Subcommand("the card of a build", _reference),
    "logs": Subcommand("the log of a build, as text", _logs),
    "steps": Subcommand("the steps of a build, read from its log, as a DataFrame", _reference),
    "wait": Subcommand("wait for the end of a build; one that fails raises BuildFailed", _wait),
    "diff": Subcommand("why a build was made: what differs from the one before, or between two", _diff),
    "history": Subcommand("past builds, as a DataFrame", _history),
    "panel": Subcommand("the interactive panel: start, watch, compare and study builds", _panel),
    "regions": Subcommand("the regions to build for", _nothing),
    "target": Subcommand("where builds go to and as whom, and why", _nothing),
    "help": Subcommand("this page, or the page of a subcommand", _help),
}


#: The subcommands that are typed: to build needs none.
TYPED = [name for name in SUBCOMMANDS if name != BUILD]


def flags(name: str) -> list[str]:
    """The options of a subcommand, as they are typed."""
    return [flag for action in _parser(name)._actions for flag in action.option_strings if flag.startswith("--")]


def switches(name: str) -> list[str]:
    """Those of the options that take no value."""
    actions = _parser(name)._actions
    return [flag for action in actions if action.nargs == 0 for flag in action.option_strings]


def words(line: str) -> list[str]:
    """A line's words, split as the platform's shell would, without a comment; raises UsageError."""
    match = _BEFORE_COMMENT.match(line)
    assert match is not None
    code = match[0] if line[match.end() :].startswith("#") else line
    try:
        return list(arg_split(code, posix=os.name != "nt"))
    except ValueError as error:
        raise UsageError(f"%pcbuild: {error} in {line!r}.") from None


def parse(words: Sequence[str], *, dockerfile_text: str | None = None) -> tuple[str, argparse.Namespace]:
    """The subcommand that a line's words mean, and its arguments; raises UsageError, or HelpShown for `--help`.

    A first word that is a subcommand is one. Anything else is a directory to build, or its options.
    `dockerfile_text` is the body of a cell.
    """
    first = words[0] if words else ""
    if dockerfile_text is not None:
        _expect_dockerfile(first, dockerfile_text)
    if first in TYPED:
        return first, _parser(first).parse(words[1:])
    if first in ("-h", "--help"):
        print(help_text())
        raise HelpShown
    if first.isalpha() and not Path(first).exists():
        # Close enough for a slip of the hand, not for `agent`, which shares four letters with `target`.
        for close in difflib.get_close_matches(first.lower(), TYPED, n=1, cutoff=0.75):
            raise UsageError(f"There is no directory {first!r} to build. Did you mean `%pcbuild {close}`?")
    given = _parser(BUILD).parse(words)
    given.dockerfile_text = dockerfile_text
    return BUILD, given


def _expect_dockerfile(first: str, text: str) -> None:
    """Raise a UsageError where a cell's body cannot be meant as the Dockerfile of what is built."""
    if first in TYPED:
        raise UsageError(
            f"%%pcbuild builds by the Dockerfile in its cell. `%pcbuild {first}`, with one %, has none."
        )
    if not text.strip():
        raise UsageError("%%pcbuild: the cell has no Dockerfile. With one %, the directory's own is built by.")


def help_text(topic: str | None = None) -> str:
    """The page that explains everything, or that of one subcommand; raises UsageError for an unknown one."""
    if topic is not None:
        if topic not in SUBCOMMANDS:
            raise UsageError(f"%pcbuild has no subcommand {topic!r}; it has {', '.join(TYPED)}.")
        return _parser(topic).format_help().rstrip()
    width = max(map(len, SUBCOMMANDS)) + 2
    rows = (f"  {name:<{width}}{each.summary}" for name, each in SUBCOMMANDS.items() if name in TYPED)
    return "\n".join([_parser(BUILD).format_help().rstrip(), "", "subcommands:", *rows, "", _NOTES])


_NOTES = """\
`%%pcbuild DIR` builds by the Dockerfile in the rest of its cell; the directory is not written.
`build = %pcbuild DIR` keeps the build's handle: build.status, build.wait(), build.logs().
A directory that has a subcommand's name is written ./logs.
`%config PipecatMagics` shows the defaults that can be set, `%pcbuild help SUBCOMMAND` explains more."""


def _parser(name: str) -> Parser:
    prog = "%pcbuild" if name == BUILD else f"%pcbuild {name}"
    summary = SUBCOMMANDS[name].summary
    parser = Parser(prog=prog, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False)
    SUBCOMMANDS[name].arguments(parser)
    return parser
