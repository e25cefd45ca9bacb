"""What the official command line leaves out where a directory has no `.dockerignore`."""

import fnmatch
import re
from collections.abc import Iterable
from os.path import normcase

from pipecat_nb.context.rule import ROOT, Rule, Verdict

#: The exclusions of `pipecatcloud` 1.4, matched with fnmatch against each component and the whole path.
# fmt: off
PATTERNS = (
    ".git", ".gitignore", ".gitattributes", ".env", ".env.*", "*.pem", "*.key", "__pycache__", "*.pyc",
    "*.pyo", "*.pyd", "*.so", ".Python", ".venv", "venv", "ENV", "env", ".pytest_cache", ".coverage",
    "htmlcov", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".vscode", ".idea", "*.swp", "*.swo", "dist",
    "build", "*.egg-info", "*.egg", ".eggs", "node_modules", ".github", ".claude", ".codex", ".cursor",
    "pcc-deploy.toml", ".ipynb_checkpoints", ".cache", ".DS_Store", "Thumbs.db", "*.log",
)
# fmt: on

#: Where the rules of this module say that they stand.
DEFAULT, PROJECT = "default exclusions", "pcc-deploy.toml [build.exclude]"


class DefaultMatcher:
    """The official default exclusions, and a project's own patterns beside them."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        rules = [Rule(pattern, DEFAULT) for pattern in PATTERNS]
        rules += [Rule(pattern, PROJECT) for pattern in map(_normalize, extra) if pattern]
        self._rules = [(rule, _compile(rule.pattern)) for rule in rules]
        self._any = re.compile("|".join(f"(?:{pattern.pattern})" for _, pattern in self._rules))

    def judge(self, path: str, parent: Verdict) -> Verdict:
        """The verdict on a path; what is in a directory that is left out is left out with it."""
        if parent.excluded:
            return parent
        whole, name = normcase(path), normcase(path.rpartition("/")[2])
        if not (self._any.match(name) or self._any.match(whole)):
            return ROOT
        rule = next(rule for rule, pattern in self._rules if pattern.match(name) or pattern.match(whole))
        return Verdict(True, rule)

    def keeps_below(self, directory: str) -> bool:
        """Nothing comes back below a directory that is left out."""
        return False


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(normcase(pattern)))


def _normalize(pattern: str) -> str:
    return pattern.strip().removeprefix("./").rstrip("/")
