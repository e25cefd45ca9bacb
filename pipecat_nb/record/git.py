"""What git says of a directory that is built."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The git commit that a directory was at, and whether it held more than that."""

    git_commit: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None


def commit_of(directory: Path) -> Commit:
    """The git commit of a directory; all None where there is no git, or no repository."""
    commit = _git(directory, "rev-parse", "HEAD")
    if commit is None:
        return Commit()
    branch = _git(directory, "symbolic-ref", "--short", "-q", "HEAD")
    changes = _git(directory, "status", "--porcelain", "--", ".")
    return Commit(git_commit=commit, git_branch=branch, git_dirty=None if changes is None else bool(changes))


def _git(directory: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip()
