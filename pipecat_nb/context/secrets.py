"""Secrets in files that would be sent: of which kind and where, never the value.

An engine that tells for all detectors at once whether one may find something looks at every file; the detectors
themselves look at the few where it does.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from pipecat_nb.context import defaults, dockerignore
from pipecat_nb.errors import SecretsFound
from pipecat_nb.text import printable

if TYPE_CHECKING:
    from pipecat_nb.context.detectors import Detector

# The detectors and the engine take longer to import than a directory that was packed before to be known again.
# ruff: noqa: PLC0415

#: The number goes up when other secrets are found than before.
VERSION = 1

#: Files of more bytes are data, not what a person writes secrets into.
LARGEST = 2**20

#: A line is looked at in pieces of so many characters, each with the end of the one before.
_PIECE, _OVERLAP = 4096, 512

#: The most findings in one file, and the most that an error lists.
_MOST, _LISTED = 20, 20

_ENVIRONMENT = re.compile(r"\.env(?:\..+)?|.+\.env|\.envrc")
_TEMPLATE = re.compile(r"example|sample|template|dist|defaults?|schema", re.IGNORECASE)
_VARIABLE = re.compile(r"\s*(?:export\s+)?[A-Za-z_][\w.-]*\s*=\s*(.*)")
_HARMLESS = re.compile(
    r"true|false|yes|no|on|off|none|null|[\d.:]*|localhost|https?://(?:localhost|127\.0\.0\.1)[:/\w.-]*",
    re.IGNORECASE,
)

_KEY_STORE = re.compile(r".+\.(?:p12|pfx|jks|keystore|kdbx)", re.IGNORECASE)

_CONFIGURATION = re.compile(
    r".*dockerfile.*|credentials|config|\.(?:netrc|npmrc|pypirc|git-credentials)"
    r"|.+\.(?:ini|cfg|conf|config|properties|toml|ya?ml|sh|tfvars|service)",
    re.IGNORECASE,
)

_Sort = Literal["key store", "environment", "template", "configuration", "other"]

# What is called so is none; `latest` and `contest` are not called so.
_FAKE = r"(?<![a-z])(?:fake|dummy|mock|examples?|samples?|templates?|placeholder|{})(?![a-z])"
_FAKE_PATH = re.compile(_FAKE.format("test(?=[^/]*$)"), re.IGNORECASE)
_FAKE_LINE = re.compile(_FAKE.format("tests?|testing"), re.IGNORECASE)

#: Lines between a key's first one and the key itself, at most.
_HEADERS = 8

#: What follows the first line of a real key, in one line of a program or of JSON too.
_KEY_BODY = re.compile(
    r"(?:-+)?(?:[\s\"'+,]|\\[nr])*(?:(?:Proc-Type|DEK-Info|Comment|Encryption|Version)[^\n]*(?:\s|\\n)+)*"
    r"(?:[A-Za-z0-9+/=]{40,}|Public-Lines)"
)


class Finding(NamedTuple):
    """One secret: in which file, at which line (0: the whole file), of which kind."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{printable(self.path)}{f':{self.line}' if self.line else ''}  {self.kind}"


def find(path: str, content: bytes) -> list[Finding]:
    """The secrets in one file's content; none where its name says that they are not real."""
    sort = _sort(path.rpartition("/")[2])
    if sort == "key store":
        return [] if _FAKE_PATH.search(path) else [Finding(path, 0, "key store")]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # as Windows' shell writes files
        content = content.decode("utf-16", "replace").encode()
    if sort == "template" or content.find(b"\0", 0, 1024) >= 0:
        return []
    if sort == "environment":
        return _variables(path, content)
    detectors = _scanner().suspect(content, configuration=sort == "configuration")
    if not detectors or _FAKE_PATH.search(path):
        return []
    found: dict[int, Finding] = {}
    for finding in _find(path, content.decode("utf-8", "replace"), detectors):
        found.setdefault(finding.line, finding)
    return list(found.values())[:_MOST]


@lru_cache(maxsize=4096)
def _sort(name: str) -> _Sort:
    """What a file's name says of it; names repeat, and most files are asked for nothing else."""
    if _KEY_STORE.fullmatch(name):
        return "key store"
    if _ENVIRONMENT.fullmatch(name):
        return "template" if _TEMPLATE.search(name) else "environment"
    return "configuration" if _CONFIGURATION.fullmatch(name) else "other"


def _variables(path: str, content: bytes) -> list[Finding]:
    """The first variable of an environment file that has a value worth hiding."""
    from pipecat_nb.context.detectors import is_placeholder

    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        if match := _VARIABLE.fullmatch(line):
            value = re.sub(r"\s+#.*", "", match[1]).strip().strip("\"'")
            if not (_HARMLESS.fullmatch(value) or (len(value) > 4 and is_placeholder(value))):
                return [Finding(path, number, "environment file with values")]
    return []


def _find(path: str, text: str, detectors: "Iterable[Detector]") -> Iterator[Finding]:
    rules = [(detector, rule) for detector in detectors for rule in detector.rules]
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        for start in range(0, len(line) or 1, _PIECE - _OVERLAP):
            piece = line[start : start + _PIECE]
            for detector, rule in rules:
                for match in rule.finditer(piece):
                    if _FAKE_LINE.search(piece, 0, match.end()) or not detector.accepts(match):
                        continue
                    after = "\n".join([piece[match.end() :], *lines[number : number + _HEADERS]])
                    if kind := _kind(detector, after, text):
                        yield Finding(path, number, kind)


def _kind(detector: "Detector", after: str, text: str) -> str:
    """What it is that a detector found, by what comes after it and the whole text; empty where it is nothing."""
    from pipecat_nb.context.detectors import PRIVATE_KEY

    if detector is not PRIVATE_KEY:
        return detector.kind
    if not _KEY_BODY.match(after):
        return ""
    return "service-account key" if '"service_account"' in text else detector.kind


class _Scanner:
    """Tells of a content which detectors may find something in it, all at once."""

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
            expressions=[rule.pattern.encode() for _, rule in rules],
            ids=[number for number, _ in rules],
            elements=len(rules),
            flags=[flags | (caseless if rule.flags & re.IGNORECASE else 0) for _, rule in rules],
        )

    def suspect(self, content: bytes, *, configuration: bool) -> "list[Detector]":
        """The detectors that have to look closer at a file, in their order."""
        with self._lock:
            self._hits.clear()
            self._database.scan(content, match_event_handler=self._hit)
            suspicious = [self._detectors[number] for number in sorted(self._hits)]
        return [detector for detector in suspicious if configuration or not detector.configuration]

    def _hit(self, number: int, *_: object) -> None:
        self._hits.add(number)


@cache
def _scanner() -> _Scanner:
    from pipecat_nb.context.detectors import DETECTORS

    return _Scanner(DETECTORS)


def refuse(findings: Iterable[Finding], *, allowed: Iterable[str], ignore_file: str) -> None:
    """Raise SecretsFound for what is not in one of the allowed files; says what to do, never a value."""
    accepted = {path.removeprefix("./") for path in allowed}
    left = [finding for finding in findings if finding.path not in accepted]
    if not left:
        return
    listed = "".join(f"\n  {finding}" for finding in left[:_LISTED])
    more = f"\n  and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
    paths = list(dict.fromkeys(printable(finding.path) for finding in left))
    quote = dockerignore.quote if ignore_file else defaults.quote
    lines = "".join(f"\n  {quote(path)}" for path in paths[:_LISTED])
    where = (
        ignore_file or "pcc-deploy.toml, [build.exclude] patterns, or .dockerignore (which replaces the defaults)"
    )
    raise SecretsFound(
        f"{len(left)} secret{'s' * (len(left) > 1)} would be sent with the context:{listed}{more}",
        hint=(
            f"To leave the file{'s' * (len(paths) > 1)} out, add to {where}:{lines}\n"
            "What a program needs, it reads from its environment when it runs. "
            f"`--allow-secret {paths[0]}` sends the file all the same."
        ),
        findings=tuple(left),
    )
