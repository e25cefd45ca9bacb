"""The form that says what is built: directory, Dockerfile, region, note."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import ipywidgets
from traitlets import Bunch

from pipecat_nb import settings
from pipecat_nb.errors import PipecatError
from pipecat_nb.models import Region
from pipecat_nb.settings import Project
from pipecat_nb.text import LINE_LIMIT, printable

#: The most directories that are offered, and the most entries of a directory that are looked at.
MOST, LOOKED_AT = 50, 10_000

#: Where a Dockerfile is looked for, besides the directory itself.
FOLDER = "docker"

#: The choice of a region where the service has not named any.
_DEFAULT = ("the default", "")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the form says; None where it leaves the choice to the project or the service."""

    directory: str | None
    dockerfile: str | None
    region: str | None
    note: str

    @property
    def named(self) -> str:
        """The directory, as messages name it."""
        return printable(self.directory or "The current directory", limit=LINE_LIMIT)

    @property
    def project(self) -> Project:
        """The directory's project; raises a PipecatError."""
        return settings.project(self.directory)


class Form(ipywidgets.Box):  # type: ignore[misc]
    """Four controls with their labels; what they offer follows the directory and the service."""

    def __init__(self, directory: str = ".") -> None:
        self.directory = ipywidgets.Combobox(value=directory, description="Directory", ensure_option=False)
        self.dockerfile = ipywidgets.Dropdown(description="Dockerfile")
        self.region = ipywidgets.Dropdown(options=[_DEFAULT], value="", description="Region")
        self.note = ipywidgets.Text(description="Note", placeholder="why this build")
        self._default_region = ""
        #: The region that nobody chose: it is not kept where another project has another.
        self._suggested = ""
        super().__init__([self.directory, self.dockerfile, self.region, self.note])
        self.add_class("pcb-form")
        self.directory.observe(self._follow_directory, "value")
        self._follow_directory()

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            directory=self.directory.value.strip() or None,
            dockerfile=self.dockerfile.value or None,
            region=self.region.value or None,
            note=self.note.value.strip(),
        )

    def offer_regions(self, regions: Sequence[Region], default: str) -> None:
        """The service's regions; what was chosen stays chosen, else it is the project's, else the default."""
        chosen = self.region.value
        self._default_region = default
        codes = [region.code for region in regions if region.code]
        self.region.options = [(_named(region), region.code) for region in regions if region.code] or [_DEFAULT]
        if chosen in codes and chosen != self._suggested:
            self.region.value = chosen
        else:
            self._suggest_region()

    def _suggest_region(self) -> None:
        codes = [code for _, code in self.region.options]
        wanted = [self._project_region(), self._default_region]
        self._suggested = next((code for code in wanted if code in codes), codes[0])
        self.region.value = self._suggested

    def _follow_directory(self, _: Bunch | None = None) -> None:
        typed = self.directory.value
        self.directory.options = subdirectories(typed)
        found = self._dockerfiles()
        self.dockerfile.options = [(printable(path), path) for path in found] or [("none was found", "")]
        self.dockerfile.value = found[0] if found else ""
        if self.region.value == self._suggested:
            self._suggest_region()

    def _dockerfiles(self) -> list[str]:
        project = self._project()
        return dockerfiles(project.directory, first=project.dockerfile) if project else []

    def _project_region(self) -> str:
        project = self._project()
        return (project.region if project else None) or ""

    def _project(self) -> Project | None:
        """The directory's project, if it has one that can be read; who builds it is told why not."""
        try:
            return self.wanted.project
        except (PipecatError, OSError, ValueError):
            return None


def _named(region: Region) -> str:
    code, name = printable(region.code), printable(region.display_name)
    return code if name == code else f"{name} ({code})"


def subdirectories(typed: str) -> list[str]:
    """The directories that a path may become, as it was begun; hidden ones where a dot was typed."""
    begun, slash, name = typed.rpartition("/")
    parent = begun + slash
    fitting = (
        f"{parent}{entry}"
        for entry in _entries(parent, directories=True)
        if entry.startswith(name) and (not entry.startswith(".") or name.startswith("."))
    )
    # A datalist offers what holds the text, so that of "." all below it must begin with "./".
    below = [f"./{entry}" for entry in _entries(".", directories=True) if not entry.startswith(".")]
    return sorted(below if typed == "." else fitting)[:MOST]


def dockerfiles(directory: Path, *, first: str = "Dockerfile") -> list[str]:
    """The Dockerfiles of a directory, by their paths in it: its project's first, then by name."""
    here = [name for name in _entries(directory) if _is_dockerfile(name)]
    below = [f"{FOLDER}/{name}" for name in _entries(directory / FOLDER) if _is_dockerfile(name)]
    found = [*sorted(here), *sorted(below)]
    if first not in found and _is_file(directory / first):
        found.append(first)
    return sorted(found, key=lambda path: path != first)


def _is_dockerfile(name: str) -> bool:
    lower = name.lower()
    named = lower == "dockerfile" or lower.startswith("dockerfile.") or lower.endswith(".dockerfile")
    return named and not lower.endswith(".dockerignore")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _entries(directory: str | Path, *, directories: bool = False) -> Iterator[str]:
    """The names of a directory's files or directories; none where it cannot be read."""
    try:
        with os.scandir(Path(directory).expanduser()) as entries:
            names = [each.name for each in islice(entries, LOOKED_AT) if each.is_dir() == directories]
    except (OSError, RuntimeError, ValueError):
        return
    yield from names
