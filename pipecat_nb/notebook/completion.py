"""What can be typed next after `%pcbuild`: from this machine alone, never the network."""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.completer import SimpleCompletion, context_matcher

from pipecat_nb.models import STATUSES
from pipecat_nb.notebook import options

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, Matcher, SimpleMatcherResult

# In a line of its own or after an assignment, up to the cursor.
_LINE = re.compile(r"(?:^|.*=)\s*%%?pcbuild\s+(.*)", re.DOTALL)

#: The service's regions of today; those that were built for here join them.
REGIONS = ("us-west", "us-east", "eu-central", "ap-south")

#: Characters of a build's id that are offered: enough to be the only one, and few enough to be read.
_ID = 8

#: The most that is offered of one kind.
_MOST = 50

_PLACES = ("build", "preview")
_OF_BUILDS = ("status", "logs", "steps", "wait", "diff")


@dataclass(frozen=True)
class Known:
    """What this machine knows of builds: their ids, the latest first, and the regions that were built for."""

    builds: Sequence[str] = ()
    regions: Sequence[str] = ()


def matcher(known: Callable[[], Known]) -> "Matcher":
    """A matcher of IPython's completer; it is asked for what is known with each completion."""

    @context_matcher(identifier="pipecat_nb.pcbuild")  # type: ignore[untyped-decorator]
    def match(context: "CompletionContext") -> "SimpleMatcherResult":
        found = _LINE.fullmatch(context.text_until_cursor)
        if found is None:
            return {"completions": []}
        current = re.split(r"\s", found[1])[-1]
        offered = complete(found[1], known())
        return {
            "completions": [SimpleCompletion(text, type="pcbuild") for text in offered],
            "matched_fragment": current,
            "suppress": bool(offered),
            "ordered": True,
        }

    return match  # type: ignore[no-any-return]


def complete(line: str, known: Known) -> list[str]:
    """What the last word of a line may become; the line is what stands behind `%pcbuild` up to the cursor."""
    *before, current = re.split(r"\s+", line.lstrip())
    name = before[0] if before and before[0] in options.SUBCOMMANDS else options.BUILD
    offered = [text for text in _offered(name, before, current, known) if text.startswith(current)]
    return list(dict.fromkeys(offered))[:_MOST]


def _offered(name: str, before: Sequence[str], current: str, known: Known) -> Iterable[str]:
    previous = before[-1] if before else ""
    values: dict[str, Callable[[], Iterable[str]]] = {
        "--region": lambda: [*REGIONS, *known.regions],
        "--status": lambda: STATUSES,
        "--encoder": lambda: options.ENCODERS,
        "--dockerfile": lambda: _files(_directory(before), current),
        "--directory": lambda: _directories(current),
        "--why": lambda: _files(_directory(before), current),
        "--allow-secret": lambda: _files(_directory(before), current),
    }
    if previous in values:
        return values[previous]()
    if current.startswith("-"):
        return options.flags(name)
    if previous.startswith("--") and previous not in options.switches(name):
        return ()  # a text, a number or a time
    builds = ["^1", "^2", *(build[:_ID] for build in known.builds)]
    positional: dict[str, Callable[[], Iterable[str]]] = {
        **dict.fromkeys(_PLACES, lambda: _directories(current)),
        **dict.fromkeys(_OF_BUILDS, lambda: builds),
        "help": lambda: options.TYPED,
    }
    first = [*options.TYPED] if not before else []
    return [*first, *(positional[name]() if name in positional else ())]


def _directory(words: Sequence[str]) -> Path:
    """The directory that a line names, or the current one."""
    for word in words:
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            if word not in options.SUBCOMMANDS and Path(word).expanduser().is_dir():
                return Path(word).expanduser()
    return Path()


def _directories(current: str) -> list[str]:
    return [text for text in _files(Path(), current) if text.endswith("/")]


def _files(root: Path, current: str) -> list[str]:
    """The files and directories that a path may become, as it was begun; hidden ones where a dot was typed."""
    begun, slash, name = current.rpartition("/")
    try:
        with os.scandir(root / Path(begun + slash).expanduser()) as entries:
            fitting = [
                f"{begun}{slash}{entry.name}{'/' * entry.is_dir()}"
                for entry in entries
                if entry.name.startswith(name)
                and " " not in entry.name
                and (not entry.name.startswith(".") or name.startswith("."))
            ]
    except (OSError, RuntimeError, ValueError):
        return []
    return sorted(fitting)
