"""What is sent and rarely meant to be: environments, caches, data, secrets; and the lines that leave them out.

Nothing here is refused: an image may need its model. Pure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipecat_nb.context import defaults, dockerignore
from pipecat_nb.context.secrets import Finding
from pipecat_nb.context.selection import Member, Selection

_ENVIRONMENT = "virtual environment"

#: a directory's name -> what it is
_DIRECTORIES = {
    **dict.fromkeys((".venv", "venv", "env", "ENV"), _ENVIRONMENT),
    **dict.fromkeys(("node_modules", "site-packages"), "installed packages"),
    **dict.fromkeys(
        ("__pycache__", ".cache", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox"), "cache"
    ),
    ".ipynb_checkpoints": "notebook checkpoints",
    **dict.fromkeys((".git", ".hg", ".svn"), "version control"),
    **dict.fromkeys((".vscode", ".idea", ".github", ".claude", ".cursor", ".codex"), "tools' settings"),
    **dict.fromkeys(("dist", "build", "htmlcov"), "build output"),
    **dict.fromkeys(("data", "dataset", "datasets"), "dataset"),
    **dict.fromkeys(("recordings", "recording"), "recording"),
}

#: the end of a file's name -> what it is, from so many bytes on
_FILES: dict[str, tuple[str, int]] = {
    **dict.fromkeys((".log",), ("log", 0)),
    **dict.fromkeys((".pyc", ".pyo"), ("cache", 0)),
    **dict.fromkeys((".swp", ".swo", ".DS_Store", "Thumbs.db"), ("tools' leavings", 0)),
    **dict.fromkeys(
        (".csv", ".parquet", ".jsonl", ".arrow", ".feather", ".npz", ".npy", ".h5", ".sqlite", ".db"),
        ("dataset", 2**20),
    ),
    **dict.fromkeys(
        (".onnx", ".pt", ".pth", ".safetensors", ".gguf", ".ckpt", ".tflite", ".pb", ".bin"), ("model", 2**20)
    ),
    **dict.fromkeys((".wav", ".mp3", ".flac", ".ogg", ".mp4", ".mov", ".webm"), ("recording", 2**20)),
    **dict.fromkeys((".zip", ".tar", ".tar.gz", ".tgz", ".whl", ".7z"), ("archive", 2**20)),
}
_FILE = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(_FILES, key=len, reverse=True)))})$")


@dataclass(frozen=True)
class Suspect:
    """Paths of one kind that are sent: how many files of how many bytes, and the pattern that leaves them out.

    `path` is the first of them; a directory ends in `/`.
    """

    kind: str
    path: str
    pattern: str
    files: int = 0
    size: int = 0

    def and_(self, member: Member) -> "Suspect":
        """These and one member more."""
        files = self.files + (member.kind == "file")
        return Suspect(self.kind, self.path, self.pattern, files, self.size + member.size)


def suspects(selection: Selection, secrets: Iterable[Finding] = ()) -> list[Suspect]:
    """What is suspicious of what is sent: secrets first, then the largest."""
    quote = dockerignore.quote if selection.ignore_file else defaults.quote
    # The default exclusions match a name wherever it is.
    anywhere = "**/" if selection.ignore_file else ""
    sizes = {member.path: member.size for member in selection.members}
    keys = {
        finding.path: Suspect(finding.kind, finding.path, quote(finding.path), 1, sizes.get(finding.path, 0))
        for finding in reversed([*secrets])  # of several in one file, the first
    }
    environments = {path.removesuffix("pyvenv.cfg") for path in sizes if path.endswith("/pyvenv.cfg")}
    found: dict[str, Suspect] = {}
    for member in selection.members:
        if member.path not in keys and (suspect := _suspect(member, environments)):
            kind, path, named = suspect
            pattern = f"{anywhere}{named}" if named else quote(path.rstrip("/"))
            found[pattern] = found.get(pattern, Suspect(kind, path, pattern)).and_(member)
    return [
        *sorted(keys.values(), key=lambda each: each.path),
        *sorted(found.values(), key=lambda each: (-each.size, each.path)),
    ]


def _suspect(member: Member, environments: set[str]) -> tuple[str, str, str] | None:
    """What a member is, the path that makes it so, and the name that means all of its kind, if there is one."""
    path = ""
    for name in member.path.split("/")[: None if member.kind == "directory" else -1]:
        path += f"{name}/"
        if path in environments:
            return _ENVIRONMENT, path, ""
        if name in _DIRECTORIES:
            return _DIRECTORIES[name], path, name
    match = _FILE.search(member.path)
    if member.kind != "file" or match is None:
        return None
    kind, least = _FILES[match[0]]
    return (kind, member.path, "") if member.size >= least else None
