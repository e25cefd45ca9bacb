"""Secrets in files that would be sent: of which kind and where, never the value.

An engine that tells for all detectors at once whether one may find something looks at every text; the detectors
themselves look at the few where it does.
"""

import codecs
import re
import shlex
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from pipecat_nb.context import defaults, dockerignore
from pipecat_nb.errors import SecretsFound
from pipecat_nb.text import printable

if TYPE_CHECKING:
    from pipecat_nb.context.detectors import Detector

# The detectors and the engine take longer to import than a directory that was packed before to be known again.
# ruff: noqa: PLC0415

#: The number goes up when other secrets are found than before.
VERSION = 3

#: Bytes of a file that are looked at once more with those that follow: a secret may lie across.
_OVERLAP = 4096

#: A longer line is looked at in pieces.
_PIECE = 4096

#: The most findings in one file, and the most that an error lists.
_MOST, _LISTED = 20, 20

#: An environment file with more bytes is none.
_LARGEST_ENVIRONMENT = 2**20

_ENVIRONMENT = re.compile(
    r"\.env(?:[._-].+)?|.+\.env|\.envrc|env\.(?:prod|production|dev|development|local|staging|live|secrets?)",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r"example|sample|template|dist|defaults?|schema", re.IGNORECASE)
_VARIABLE = re.compile(r"\s*(?:export\s+)?[A-Za-z_][\w.-]*[ \t]*=(.*)")
_HARMLESS = re.compile(
    r"true|false|yes|no|on|off|none|null|debug|info|warn|warning|error|dev|development|local|prod|production"
    r"|\d{0,5}|\d+(?:[.:]\d+)+|localhost|https?://(?:localhost|127\.0\.0\.1)[:/\w.-]*",
    re.IGNORECASE,
)

_KEY_STORE = re.compile(r".+\.(?:p12|pfx|jks|keystore|kdbx)", re.IGNORECASE)

_CONFIGURATION = re.compile(
    r".*dockerfile.*|credentials|config|\.(?:netrc|npmrc|pypirc|git-credentials)"
    r"|.+\.(?:ini|cfg|conf|config|properties|toml|ya?ml|sh|tfvars|service)",
    re.IGNORECASE,
)

_Sort = Literal["key store", "environment", "template", "configuration", "other"]

#: Characters in which a key has begun, behind its first line's.
_KEY = 1024

#: Lines between a key's first one and the key itself, at most; and how the lines of both look.
_HEADERS = 8
_HEADER = re.compile(r"[A-Za-z][\w-]{0,40}:.*")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{40,}=*")


class Finding(NamedTuple):
    """One secret: in which file, at which line (0: the whole file), of which kind."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{printable(self.path)}{f':{self.line}' if self.line else ''}  {self.kind}"


class Search:
    """Looks for secrets in one file, piece by piece as it is read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._sort = _sort(path.rpartition("/")[2])
        self._begun = False
        self._utf16: codecs.IncrementalDecoder | None = None
        self._binary = False
        self._content = b""
        self._lines = 0  # before that content
        self._found: dict[int, Finding] = {}

    def feed(self, data: bytes) -> None:
        """Look at the next bytes of the file."""
        if not self._begun:
            self._begun = True
            if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as Windows' shell writes files
                self._utf16 = codecs.getincrementaldecoder("utf-16")("replace")
            self._binary = self._utf16 is None and self._sort != "environment" and b"\0" in data[:1024]
        if self._utf16 is not None:
            data = self._utf16.decode(data).encode("utf-8", "replace")
        if self._binary or self._sort == "key store":
            return
        if self._sort == "environment":
            self._content += data[: _LARGEST_ENVIRONMENT - len(self._content)]
            return
        if self._content:
            # What goes before is counted only where more comes after it: most files are read at once.
            passed = max(0, len(self._content) - _OVERLAP)
            self._lines += self._content.count(b"\n", 0, passed)
            data = self._content[passed:] + data
        self._content = data
        detectors = _scanner().suspect(data, configuration=self._sort == "configuration")
        if detectors and len(self._found) < _MOST:
            for finding in islice(_find(self._path, _decode(data), detectors), _MOST):
                line = self._lines + finding.line
                self._found.setdefault(line, finding._replace(line=line))

    def end(self) -> list[Finding]:
        """What was found."""
        if self._sort == "key store":
            return [Finding(self._path, 0, "key store")]
        if self._sort == "environment":
            return _variables(self._path, _decode(self._content))
        return sorted(self._found.values(), key=lambda finding: finding.line)[:_MOST]


def find(path: str, content: bytes) -> list[Finding]:
    """The secrets in the whole content of one file."""
    search = Search(path)
    search.feed(content)
    return search.end()


@lru_cache(maxsize=4096)
def _sort(name: str) -> _Sort:
    """What a file's name says of it; names repeat, and most files are asked for nothing else."""
    if _KEY_STORE.fullmatch(name):
        return "key store"
    if is_environment(name):
        return "template" if _TEMPLATE.search(name) else "environment"
    return "configuration" if _CONFIGURATION.fullmatch(name) else "other"


def is_environment(path: str) -> bool:
    """Whether a file's name is that of an environment file."""
    return bool(_ENVIRONMENT.fullmatch(path.rpartition("/")[2]))


def _decode(content: bytes) -> str:
    return content.replace(b"\0", b"").decode("utf-8-sig", "replace")


def _variables(path: str, text: str) -> list[Finding]:
    """The first variable of an environment file that has a value worth hiding."""
    from pipecat_nb.context.detectors import is_placeholder

    for number, line in enumerate(text.splitlines(), 1):
        if match := _VARIABLE.fullmatch(line):
            value = f" {match[1]}".partition(" #")[0].strip().strip("\"'")
            if not (_HARMLESS.fullmatch(value) or is_placeholder(value)):
                return [Finding(path, number, "environment file with values")]
    return []


def _find(path: str, text: str, detectors: "Iterable[Detector]") -> Iterator[Finding]:
    from pipecat_nb.context.detectors import PRIVATE_KEY, is_fake

    named_so = is_fake(path.rpartition("/")[2])
    service_account = '"service_account"' in text
    lower = text.replace("İ", "I").lower()  # of all letters the only one that would become two
    for detector in detectors:
        if detector.weak and named_so:
            continue
        for start, piece in _pieces(text, lower, detector.words):
            for rule in detector.rules:
                for match in rule.finditer(piece):
                    begin, end = start + match.start(), start + match.end()
                    name = _name_before(text, begin) + str(match.groupdict().get("name") or "")
                    if is_fake(name) or not detector.accepts(match, name):
                        continue
                    kind = detector.kind
                    if detector is PRIVATE_KEY:
                        if not _is_key(text[end : end + _KEY]):
                            continue
                        kind = "service-account key" if service_account else kind
                    yield Finding(path, text.count("\n", 0, begin) + 1, kind)


def _pieces(text: str, lower: str, words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The lines of a text that hold one of the words, each with its place; of long ones, pieces that overlap."""
    for start in sorted(set(_lines_with(lower, words))):
        end = lower.find("\n", start)
        line = text[start : end if end >= 0 else None]
        for piece in range(0, len(line), _PIECE):
            yield start + piece, line[piece : piece + _PIECE + _OVERLAP]


def _lines_with(text: str, words: Sequence[str]) -> Iterator[int]:
    """Where the lines begin that hold one of the words; without words, all lines."""
    for word in words or [""]:
        place = text.find(word)
        while place >= 0:
            yield text.rfind("\n", 0, place) + 1
            end = text.find("\n", place)
            place = text.find(word, end + 1) if end >= 0 else -1


def _name_before(text: str, begin: int) -> str:
    """The name, or the part of one, that stands right before a place."""
    before = re.search(r"([\w-]*)\W{0,12}\Z", text[max(0, begin - 80) : begin])
    return before[1] if before else ""


def _is_key(after: str) -> bool:
    """Whether a key's first line is followed by a key, and not by a program that looks for one."""
    lines = re.split(r"\n|\\n|\\r", after)
    for line in lines[1 : _HEADERS + 1]:
        text = line.strip(" \t\r\"'`+,\\")
        if text and not _HEADER.fullmatch(text):
            return bool(_KEY_BODY.match(text))
    # PuTTY's begin with such lines, and some keys stand behind the first line's dashes.
    return bool(_KEY_BODY.match(lines[0].strip(" -"))) or "Public-Lines:" in after


class _Scanner:
    """Tells of a text which detectors may find something in it, all at once."""

    def __init__(self, detectors: "Sequence[Detector]") -> None:
        import hyperscan

        self._detectors = detectors
        # One at a time: the database has one scratch space.
        self._lock = threading.Lock()
        self._hits: set[int] = set()
        self._database = hyperscan.Database()
        rules = [(number, rule) for number, detector in enumerate(detectors) for rule in detector.rules]
        # Of an expression that the engine does not know whole, it may report more than there is.
        flags = hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_MULTILINE
        caseless = hyperscan.HS_FLAG_CASELESS
        self._database.compile(
            expressions=[_wider(rule.pattern).encode() for _, rule in rules],
            ids=[number for number, _ in rules],
            elements=len(rules),
            flags=[flags | (caseless if rule.flags & re.IGNORECASE else 0) for _, rule in rules],
        )

    def suspect(self, content: bytes, *, configuration: bool) -> "list[Detector]":
        """The detectors that have to look closer at a text, in their order."""
        with self._lock:
            self._hits.clear()
            self._database.scan(content, match_event_handler=self._hit)
            suspicious = [self._detectors[number] for number in sorted(self._hits)]
        return [detector for detector in suspicious if configuration or not detector.configuration]

    def _hit(self, number: int, *_: object) -> None:
        self._hits.add(number)


def _wider(pattern: str) -> str:
    """A pattern that matches wherever the given one does, without names and upper limits, which cost an engine."""
    return re.sub(r"\{(\d+),\d+\}", r"{\1,}", re.sub(r"\(\?P<\w+>", "(?:", pattern))


@cache
def _scanner() -> _Scanner:
    from pipecat_nb.context.detectors import DETECTORS

    return _Scanner(DETECTORS)


def refuse(
    findings: Iterable[Finding], *, allowed: Iterable[str], ignore_file: str, always_sent: Collection[str] = ()
) -> None:
    """Raise SecretsFound for what is in none of the allowed files and directories.

    It says what to do, and never a value. No line of an ignore file leaves out what is `always_sent`.
    """
    accepted = [
        path.removeprefix("./").rstrip("/") for path in ([allowed] if isinstance(allowed, str) else allowed)
    ]
    left = [finding for finding in findings if not any(_is_within(finding.path, path) for path in accepted)]
    if not left:
        return
    listed = "".join(f"\n  {finding}" for finding in left[:_LISTED])
    more = f"\n  and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
    paths = list(dict.fromkeys(finding.path for finding in left))
    advice = [
        "Take out of the files what the image needs of them: a program reads its keys from its environment.",
        *_to_leave_out([path for path in paths if path not in always_sent], ignore_file),
        f"`--allow-secret {shlex.quote(printable(paths[0]))}` (Python: allow_secrets) sends a file all the same.",
    ]
    raise SecretsFound(
        f"{len(left)} secret{'s' * (len(left) > 1)} would be sent with the context:{listed}{more}",
        hint="\n".join(advice),
        findings=tuple(left),
    )


def _to_leave_out(paths: Sequence[str], ignore_file: str) -> Iterator[str]:
    if paths:
        quote = dockerignore.quote if ignore_file else defaults.quote
        where = printable(ignore_file) or (
            "pcc-deploy.toml, [build.exclude] patterns, or .dockerignore (which replaces the default exclusions)"
        )
        yield f"What the image does not need is left out by a line in {where}:"
        yield from (f"  {printable(quote(path))}" for path in paths[:_LISTED])
        if len(paths) > _LISTED:
            yield f"  and {len(paths) - _LISTED} more"


def _is_within(path: str, allowed: str) -> bool:
    # As an error wrote it, too: a name that is no text cannot be typed.
    return any(each == allowed or each.startswith(f"{allowed}/") for each in (path, printable(path)))
