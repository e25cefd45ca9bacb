"""What usually makes builds fail, how a log shows it, and what mends it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Cause:
    """A known cause: what it is, in a few words, and what to do."""

    name: str
    hint: str
    #: What stands in the hint where a message does not say what is meant.
    what: str = ""


def _shown_by(*patterns: str, name: str, hint: str, what: str = "") -> tuple[re.Pattern[str], Cause]:
    """A cause, and the messages that show it; a group in one of them is what the hint's `{what}` stands for."""
    return re.compile("|".join(patterns), re.IGNORECASE), Cause(name, hint, what)


#: Looked for in this order: what is certain before what is only likely.
_CAUSES = (
    _shown_by(
        r"no space left on device",
        r"disk quota exceeded",
        name="out of disk",
        hint="Send less, install less, or free space where it is built.",
    ),
    _shown_by(
        r"exec format error",
        r"does not match the specified platform",
        r"no match for platform",
        name="wrong architecture",
        hint="The base image or a program in it is for another processor than the build's.",
    ),
    _shown_by(
        r"dockerfile parse error",
        r"unknown instruction:? \"?(\w+)",
        r"no FROM statement found",
        r"no build stage in current context",
        r"requires? (?:at least|exactly) \w+ argument",
        name="the Dockerfile's syntax",
        hint="Mend the line with {what}; every Dockerfile begins with FROM.",
        what="what the message names",
    ),
    _shown_by(
        r"copier: stat: \"/?([^\"]{1,200})\": no such file",
        r"copier: stat: .{0,200}no such file",
        r"(?:COPY|ADD) failed",
        r"failed to (?:compute cache key|calculate checksum)[^\"]{0,200}\"/?([^\"]{1,200})\": not found",
        name="a COPY source is missing",
        hint="Is the path right as seen from the directory, and is it sent? "
        "`%pcbuild preview DIR --why {what}` tells.",
        what="PATH",
    ),
    _shown_by(
        r"manifest unknown",
        r"name unknown",
        r"pull access denied",
        r"failed to resolve source metadata",
        r"did not resolve to an alias",
        r"(?:image|manifest|repository) .{0,200}(?:not known|not found|does not exist)",
        name="the base image was not found",
        hint="Check the name and the tag after FROM, and whether its registry asks for a login.",
    ),
    _shown_by(
        r"No matching distribution found for ([^\s;(]{1,100})",
        r"No matching distribution found",
        r"Could not find a version that satisfies",
        r"No solution found when resolving",
        name="a package was not found",
        hint="Is the name of {what} right, does that version exist, and for the Python of the base image?",
        what="it",
    ),
    _shown_by(
        r"lockfile .{0,200}(?:needs to be updated|not up-to-date|out of date)",
        name="the lock file is out of date",
        hint="Run `uv lock`, or your tool's own, and send the new file.",
    ),
    _shown_by(
        r"requires a different Python",
        r"requires-python",
        name="another Python is needed",
        hint="Choose a base image with the Python that the package asks for.",
    ),
    _shown_by(
        r"\b(?:gcc|g\+\+|cc|clang|make|cargo|rustc)\b.{0,200}(?:not found|No such file|failed with)",
        r"Failed (?:building wheel|to build)",
        name="a package has to be compiled",
        hint="Install a compiler and headers before it (build-essential), or choose a version that has a wheel.",
    ),
    _shown_by(
        r"Unable to locate package",
        r"has no installation candidate",
        name="a Debian package was not found",
        hint="Run `apt-get update` in the same RUN, and check the name.",
    ),
    _shown_by(
        r"Temporary failure in name resolution",
        r"Could not resolve host",
        r"Network is unreachable",
        r"Name or service not known",
        name="no network",
        hint="The build could not reach the internet, or a name in it is wrong.",
    ),
    _shown_by(
        r"\bOOMKilled\b",
        r"\bout of memory\b",
        r"\bMemoryError\b",
        r"(?:exit (?:code|status):? |non-zero code: )137\b",
        name="out of memory",
        hint="Something needed more memory than the build has; build less at once.",
    ),
    _shown_by(
        r"(?:exit (?:code|status):? |non-zero code: )127\b",
        r": (?:command )?not found",
        name="a command was not found",
        hint="Install it in an earlier step, or check its name and the PATH.",
    ),
    _shown_by(
        r"permission denied",
        name="no permission",
        hint="Is the file executable (it is sent so if it is so here), and is USER right?",
    ),
)

#: Lines from the end that are looked at: what comes long before the end did not end it.
LOOKED_AT = 200

#: Characters of a line that are looked at.
_LINE = 1000


def find_cause(lines: Sequence[str], *, error: str = "") -> Cause | None:
    """The known cause that a failed build's last lines and error show; None where they show none."""
    text = "\n".join(line[:_LINE] for line in (*lines[-LOOKED_AT:], error))
    for pattern, cause in _CAUSES:
        if match := pattern.search(text):
            what = next(filter(None, match.groups()), "") or cause.what
            return replace(cause, hint=cause.hint.replace("{what}", what))
    return None
