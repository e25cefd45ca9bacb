"""What is sent and rarely meant to be: environments, caches, data, secrets; and the lines that leave them out.

Nothing here is refused: an image may need its model. Pure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pipecat_nb.context import defaults, dockerignore
from pipecat_nb.context.secrets import Finding
from pipecat_nb.context.selection import Member, Selection

_ENVIRONMENT = "virtual environment"

#: a directory's name -> what it is; it is that wherever it is
_ANYWHERE = {
    "node_modules": "installed packages",
    **dict.fromkeys(("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox"), "cache"),
    ".ipynb_checkpoints": "notebook checkpoints",
}

#: a directory's name -> what it may be, from so many bytes on: by its name a package of sources may be meant
_DIRECTORIES: dict[str, tuple[str, int]] = {
    ".venv": (_ENVIRONMENT, 0),
    ".cache": ("cache", 0),
    **dict.fromkeys((".git", ".hg", ".svn"), ("version control", 0)),
    **dict.fromkeys((".vscode", ".idea", ".github", ".claude", ".cursor", ".codex"), ("tools' settings", 0)),
    **dict.fromkeys(("dist", "build", "htmlcov"), ("build output", 2**20)),
    **dict.fromkeys(("data", "dataset", "datasets"), ("dataset", 2**20)),
    **dict.fromkeys(("recordings", "recording"), ("recording", 2**20)),
    **dict.fromkeys(("wandb", "mlruns", "checkpoints"), ("training's output", 2**20)),
}

#: the end of a file's name -> what it is; all of them are meant at once
_LEAVINGS = {
    ".log": "log",
    **dict.fromkeys((".pyc", ".pyo"), "cache"),
    **dict.fromkeys((".swp", ".swo", ".DS_Store", "Thumbs.db"), "tools' leavings"),
}

#: the end of a file's name -> what it is, from a megabyte on
_DATA = {
    **dict.fromkeys((".csv", ".parquet", ".jsonl", ".arrow", ".feather", ".npz", ".npy", ".h5"), "dataset"),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db", ".sql"), "database"),
    **dict.fromkeys((".onnx", ".pt", ".pth", ".safetensors", ".gguf", ".ckpt", ".tflite", ".pb", ".bin"), "model"),
    **dict.fromkeys((".wav", ".mp3", ".flac", ".ogg", ".mp4", ".mov", ".webm"), "recording"),
    **dict.fromkeys((".zip", ".tar", ".tar.gz", ".tgz", ".whl", ".7z"), "archive"),
}
_SUFFIX = re.compile(rf"(?:{'|'.join(map(re.escape, sorted({*_LEAVINGS, *_DATA}, key=len, reverse=True)))})$")

#: Bytes from which on data is suspicious, and any file.
_LARGE, _VERY_LARGE = 2**20, 10 * 2**20

#: What is left out without harm where a secret is in it; from other files the secret itself is taken.
_LEFT_OUT = frozenset({"environment file with values", "private key", "service-account key", "key store"})


@dataclass(frozen=True)
class Suspect:
    """Paths of one kind that are sent: how many files of how many bytes, and the pattern that leaves them out.

    `path` is the first of them; a directory ends in `/`. Without a pattern it is not to be left out: an image
    needs its program, and the secret is to be taken out of that.
    """

    kind: str
    path: str
    pattern: str
    files: int = 0
    size: int = 0

    def and_(self, member: Member) -> "Suspect":
        """These and one member more."""
        return Suspect(self.kind, self.path, self.pattern, self.files + 1, self.size + member.size)


def suspects(selection: Selection, secrets: Iterable[Finding] = ()) -> list[Suspect]:
    """What is suspicious of what is sent: secrets first, then the largest."""
    quote = dockerignore.quote if selection.ignore_file else defaults.quote
    # The default exclusions match a name wherever it is.
    anywhere = "**/" if selection.ignore_file else ""
    sizes = {member.path: member.size for member in selection.members}
    keys = {
        finding.path: Suspect(
            finding.kind,
            finding.path,
            quote(finding.path) if finding.kind in _LEFT_OUT else "",
            1,
            sizes.get(finding.path, 0),
        )
        for finding in reversed([*secrets])  # of several in one file, the first
    }
    environments = {path.removesuffix("pyvenv.cfg") for path in sizes if path.endswith("/pyvenv.cfg")}
    found: dict[str, Suspect] = {}
    least: dict[str, int] = {}
    for member in selection.members:
        if member.kind != "directory" and member.path not in keys and (seen := _suspect(member, environments)):
            pattern = f"{anywhere}{seen.named}" if seen.named else quote(seen.path.rstrip("/"))
            found[pattern] = found.get(pattern, Suspect(seen.kind, seen.path, pattern)).and_(member)
            least[pattern] = seen.least
    large = [each for pattern, each in found.items() if each.size >= least[pattern]]
    return [
        *sorted(keys.values(), key=lambda each: each.path),
        *sorted(large, key=lambda each: (-each.size, each.path)),
    ]


class _Seen(NamedTuple):
    """What a member is, the path that makes it so, from how many bytes on, and the name by which all are meant."""

    kind: str
    path: str
    least: int = 0
    named: str = ""


def _suspect(member: Member, environments: set[str]) -> _Seen | None:
    path = ""
    for name in member.path.split("/")[:-1]:
        path += f"{name}/"
        if path in environments:
            return _Seen(_ENVIRONMENT, path)
        if name in _ANYWHERE:
            return _Seen(_ANYWHERE[name], path, named=name)
        if name in _DIRECTORIES:
            return _Seen(_DIRECTORIES[name][0], path, _DIRECTORIES[name][1])
    match = _SUFFIX.search(member.path)
    if match and match[0] in _LEAVINGS:
        return _Seen(_LEAVINGS[match[0]], member.path, named=f"*{match[0]}")
    if match and member.size >= _LARGE:
        return _Seen(_DATA[match[0]], member.path)
    return _Seen("large file", member.path) if member.size >= _VERY_LARGE else None
