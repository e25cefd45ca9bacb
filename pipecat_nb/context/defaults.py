"""What the official command line leaves out where a directory has no `.dockerignore`."""

import fnmatch
import glob
import re
from collections.abc import Iterable
from functools import lru_cache
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


def quote(path: str) -> str:
    """The pattern that means one path, where there is no ignore file; without a `/` it means all of that name."""
    return glob.escape(path)


class DefaultMatcher:
    """The official default exclusions, and a project's own patterns beside them."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        rules = [Rule(pattern, DEFAULT) for pattern in PATTERNS]
        rules += [Rule(pattern, PROJECT) for pattern in map(_normalize, extra) if pattern]
        self._rules = [(rule, _compile(rule.pattern)) for rule in rules]
        # Names repeat: `__init__.py` is in every package.
        self._named = lru_cache(maxsize=4096)(_any(self._rules).match)
        self._whole = _any([each for each in self._rules if _spans(each[0].pattern)])

    def judge(self, path: str, parent: Verdict) -> Verdict:
        """The verdict on a path; what is in a directory that is left out is left out with it."""
        if parent.excluded:
            return parent
        whole, name = normcase(path), normcase(path.rpartition("/")[2])
        if not (self._named(name) or self._whole.match(whole)):
            return ROOT
        rule = next(rule for rule, pattern in self._rules if pattern.match(name) or pattern.match(whole))
        return Verdict(True, rule)

    def keeps_below(self, directory: str) -> bool:
        """Nothing comes back below a directory that is left out."""
        return False


def _any(rules: "list[tuple[Rule, re.Pattern[str]]]") -> re.Pattern[str]:
    """Matches what one of them matches; nothing, where there is none."""
    return re.compile("|".join(f"(?:{pattern.pattern})" for _, pattern in rules) or "(?!)")


def _spans(pattern: str) -> bool:
    """Whether a pattern may match a whole path of which it matches neither the name nor a directory on the way.

    Without a wildcard it has to hold a `/`. One `*` at an end leaves the other end to match a name by itself.
    """
    return not re.fullmatch(r"\*?[^*?\[/]*|[^*?\[/]*\*", pattern)


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(normcase(pattern)))


def _normalize(pattern: str) -> str:
    return pattern.strip().removeprefix("./").rstrip("/")
