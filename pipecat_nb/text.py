"""Text from elsewhere, made fit to be shown. Pure."""

import re

#: The longest line shown as it is; a minified file in a log has megabytes in one.
LINE_LIMIT = 500

# Escape sequences (colours, titles, links), and after them what else is not to be seen but has an effect: control
# characters, and the marks that turn the direction of the text around them.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_COLOURS = re.compile(r"(\x1b\[[0-9;:]*m)")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# What buildah shows behind some errors, and logs before them: its own inner state, as long as it is.
_DUMP = re.compile(
    r'(?:^time="[^"]*" level=\w+ msg="\+?| )?(?:\(UNHANDLED LOGLEVEL\) )?&imagebuilder\.\w+\{.*', re.DOTALL
)


def printable(text: str, *, limit: int | None = None) -> str:
    """Text of unknown origin without anything that acts on a terminal or a page; cut after `limit` characters."""
    # What is no text at all (the names of some files) is spelled out.
    clean = _INVISIBLE.sub("", _ESCAPES.sub("", text.encode("utf-8", "backslashreplace").decode()))
    if limit is None or len(clean) <= limit:
        return clean
    return f"{clean[:limit]}… ({len(clean) - limit:,} characters more)"


def coloured(text: str, *, limit: int) -> str:
    """A line of a log as `printable` makes it, but with the colours that a terminal would show."""
    parts = _COLOURS.split(text[: 2 * limit])
    clean = "".join(part if number % 2 else printable(part) for number, part in enumerate(parts))
    left = max(0, len(text) - 2 * limit) + max(0, len(clean) - limit)
    return f"{clean[:limit]}… ({left:,} characters more)" if left else clean


def without_dump(message: str) -> str:
    """An engine's message without the inner state of the engine; empty where it is nothing else."""
    return _DUMP.sub("", message)
