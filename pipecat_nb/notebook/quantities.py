"""Sizes, durations and texts from elsewhere, as people read them. Pure."""

import re

#: The longest line shown as it is; a minified file in a log has megabytes in one.
LINE_LIMIT = 500

# Escape sequences (colours, titles, links), and after them what else is not to be seen but has an effect: control
# characters, and the marks that turn the direction of the text around them.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def size(count: int) -> str:
    """Bytes in the unit that fits, 1024 to a step as in the service's limit of 500 MB."""
    if count < 1024:
        return f"{count} B"
    value, unit = count / 1024, "kB"
    for larger in ("MB", "GB"):
        if value < 999.5:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def duration(seconds: float) -> str:
    """Seconds with a tenth below ten, then whole ones, then minutes and hours."""
    if seconds < 0.05:
        return "<0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def printable(text: str, *, limit: int | None = None) -> str:
    """Text of unknown origin without anything that acts on a terminal or a page; cut after `limit` characters."""
    clean = _INVISIBLE.sub("", _ESCAPES.sub("", text))
    if limit is None or len(clean) <= limit:
        return clean
    return f"{clean[:limit]}… ({len(clean) - limit:,} characters more)"
