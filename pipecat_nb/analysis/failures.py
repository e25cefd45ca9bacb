"""What builds fail of: equal failures counted together, whatever ids, paths and numbers they name. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipecat_nb.analysis.outcome import failed
from pipecat_nb.logs import find_cause, parse
from pipecat_nb.models import TIMEOUT
from pipecat_nb.text import printable

_TEXT = pd.StringDtype("python")

#: column -> dtype
DTYPES: dict[str, Any] = {
    "step": _TEXT,
    "cause": _TEXT,
    "count": "Int64",
    "last_seen": "datetime64[us, UTC]",
    "example": _TEXT,
}

#: The cause of builds that the service stopped, whose messages differ by the limit only.
STOPPED = "stopped at the time limit"

#: The cause of builds of whose failure nothing is told.
UNTOLD = "no message"

#: Characters of a message that are looked at, and of a cause or a step that are kept.
_LOOKED_AT, _KEPT = 2000, 300

#: In this order: what contains others comes first. An exit code is a number that tells one failure from another.
_NAMED = (
    (re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"`<>]*[^\s'\"`<>:;,.)]", re.IGNORECASE), "<url>"),
    (re.compile(r"(?<![^\W_])(?:'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"|`[^`\n]*`)(?![^\W_])"), "<name>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\bsha(?:1|256|512)[:-][0-9a-f]{6,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"(?<![\w<.])(?:[A-Za-z]:\\|\.{0,2}/)[^\s'\"`:,;()\[\]<>]+"), "<path>"),
    (re.compile(r"(?<![\w/.<])[\w.@+-]{1,100}(?:/[\w.@+-]{1,100})+"), "<path>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b[a-z]{1,10}[_-](?=\w*\d)\w{8,}\b", re.IGNORECASE), "<id>"),
)
_NUMBER = re.compile(
    r"(?P<kept>\b(?:exit (?:code|status)|non-zero code|status code|HTTP)\b:? ?\d{1,3}\b)|\d+(?:[.,:]\d+)*"
)

#: How the engines' messages name the step that failed: BuildKit, buildah and podman, docker's classic builder.
_STEPS = (
    re.compile(r'process "(?:/bin/(?:ba)?sh -\w+ )?((?:[^"\\]|\\.)+)" did not complete'),
    re.compile(r'building at STEP "((?:[^"\\]|\\.)+)"'),
    re.compile(r"The command '(?:/bin/(?:ba)?sh -\w+ )?(.+)' returned a non-zero code"),
)


def failures(table: pd.DataFrame, *, logs: Mapping[str, Sequence[str]] | None = None) -> pd.DataFrame:
    """The failures of builds, the most frequent first: step, cause, count, last_seen, example (a build's id).

    A cause is a known one's name, else the error's message with what differs from build to build (ids, paths,
    numbers, quoted names) made equal. With `logs` (build id -> lines) the log tells as well; without, the step is
    known only where the message names it. `example` is the latest build of each.
    """
    bad = table[failed(table)]
    known: dict[tuple[str, str], tuple[str | None, str]] = {}
    rows: list[tuple[str | None, str]] = []
    for build_id, status, message in zip(bad.index, bad["status"], bad["error_message"], strict=True):
        error = "" if pd.isna(message) else str(message)[:_LOOKED_AT]
        lines = None if logs is None or pd.isna(build_id) else logs.get(str(build_id))
        if lines is None:
            # Thousands of builds fail with a few messages.
            key = (str(status), error)
            if key not in known:
                known[key] = _told(status=str(status), error=error)
            rows.append(known[key])
        else:
            lines = lines.splitlines() if isinstance(lines, str) else list(lines)
            rows.append(_told(status=str(status), error=error, lines=lines))
    seen = bad["completed_at"].fillna(bad["updated_at"]).fillna(bad["created_at"])
    each = pd.DataFrame(
        {
            "step": pd.Series([step for step, _ in rows], dtype=_TEXT),
            "cause": pd.Series([cause for _, cause in rows], dtype=_TEXT),
            "last_seen": seen.reset_index(drop=True),
            "example": pd.Series(list(bad.index), dtype=_TEXT),
        }
    )
    latest = each.sort_values("last_seen", ascending=False, na_position="last", kind="stable")
    groups = latest.groupby(["step", "cause"], dropna=False, sort=False)
    # The index is one of positions, and `head` keeps a missing id where `first` would take another build's.
    found = groups.head(1).set_index(["step", "cause"])
    found["count"] = groups.size()
    found = found.reset_index().sort_values(["count", "last_seen"], ascending=False, kind="stable")
    return found.reset_index(drop=True)[list(DTYPES)].astype(DTYPES)


def normalised(message: str) -> str:
    """A message with what differs from build to build made equal: `no file <path>`, `waited <n> s`."""
    text = " ".join(printable(message[:_LOOKED_AT]).split())
    for pattern, name in _NAMED:
        text = pattern.sub(name, text)
    text = _NUMBER.sub(lambda match: match["kept"] or "<n>", text)
    return text if len(text) <= _KEPT else f"{text[: _KEPT - 1]}…"


def _told(*, status: str, error: str, lines: Sequence[str] = ()) -> tuple[str | None, str]:
    """The step and the cause of one failure."""
    step = parse(lines, status=status).failed if lines else None
    name = step.name if step is not None else _step_in(error)
    place = None if not name else " ".join(printable(name).split())[:_KEPT]
    # The log of a build that was stopped shows what it was at, which is no cause.
    if status == TIMEOUT:
        return place, STOPPED
    cause = find_cause(lines, error=error)
    return place, cause.name if cause else normalised(error) or UNTOLD


def _step_in(error: str) -> str | None:
    for pattern in _STEPS:
        if match := pattern.search(error):
            text = match[1].replace('\\"', '"')
            return text if re.match(r"[A-Z]{2,}\s", text) else f"RUN {text}"
    return None
