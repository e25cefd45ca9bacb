"""How far a build has come: its stages with their times, from what is known of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipecat_nb import models
from pipecat_nb.models import Build

#: What a handle's status says before the build exists on the service.
PACKING, CHECKING, UPLOADING, CREATING = ("packing", "checking", "uploading", "creating")

StageState = Literal["waiting", "active", "done", "skipped", "failed"]


@dataclass(frozen=True)
class Stage:
    """One stage on a build's way: its name, how it stands, its seconds so far or in all, and a few words."""

    name: str
    state: StageState
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Here:
    """This machine's part of a build: how it stands, and the seconds of what is done."""

    status: str
    cached: bool
    failed: bool
    files: int
    pack_seconds: float | None
    upload_seconds: float | None


def stages(here: Here | None, build: Build | None, *, now: datetime) -> tuple[Stage, ...]:
    """The stages pack, upload, queue and build; `here` is None for a build that was looked up.

    What goes on is measured to `now`.
    """
    local = (
        (Stage("pack", "skipped"), Stage("upload", "skipped")) if here is None else (_pack(here), _upload(here))
    )
    if here is not None and here.cached:
        return (*local, Stage("queue", "skipped"), Stage("build", "skipped", None, "cached"))
    return (*local, *_on_the_service(build, now=now))


def _pack(here: Here) -> Stage:
    if here.pack_seconds is not None:
        return Stage("pack", "done", here.pack_seconds, f"{here.files} files")
    return Stage("pack", "failed" if here.failed else "active")


def _upload(here: Here) -> Stage:
    if here.upload_seconds is not None:
        return Stage("upload", "done", here.upload_seconds)
    if here.cached:
        return Stage("upload", "skipped", None, "not needed")
    begun = here.status in (UPLOADING, CREATING)
    if begun and here.failed:
        return Stage("upload", "failed")
    return Stage("upload", "active" if begun else "waiting")


def _on_the_service(build: Build | None, *, now: datetime) -> tuple[Stage, Stage]:
    if build is None:
        return Stage("queue", "waiting"), Stage("build", "waiting")
    started, ended = build.started_at, build.completed_at
    if build.status == models.PENDING:
        return Stage("queue", "active", _seconds(build.created_at, now)), Stage("build", "waiting")
    queue = Stage("queue", "done", _seconds(build.created_at, started or ended))
    if not build.final:
        return queue, Stage("build", "active", _seconds(started, now))
    took = _seconds(started, ended)
    seconds = float(build.build_seconds) if took is None and build.build_seconds is not None else took
    return queue, Stage("build", "done" if build.status == models.SUCCESS else "failed", seconds)


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    """The seconds between two times, never negative: two machines' clocks differ."""
    if begin is None or end is None:
        return None
    return max(0.0, (end - begin).total_seconds())
