"""How far a build has come: its stages with their times, from what its handle knows."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pipecat_nb import models

if TYPE_CHECKING:
    from pipecat_nb.lifecycle.handle import BuildHandle

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


def stages(handle: "BuildHandle", *, now: datetime) -> tuple[Stage, ...]:
    """The stages pack, upload, queue and build of a handle; `now` is what unfinished ones are measured to."""
    return (_pack(handle), _upload(handle), *_on_the_service(handle, now=now))


def _pack(handle: "BuildHandle") -> Stage:
    if not handle.directory:
        return Stage("pack", "skipped")
    if handle.pack_seconds is not None:
        return Stage("pack", "done", handle.pack_seconds, f"{handle.files} files")
    return Stage("pack", "failed" if handle.problem else "active")


def _upload(handle: "BuildHandle") -> Stage:
    if handle.upload_seconds is not None:
        return Stage("upload", "done", handle.upload_seconds)
    if handle.cached or not handle.directory:
        return Stage("upload", "skipped", None, "not needed" if handle.cached else "")
    begun = handle.status in (UPLOADING, CREATING)
    if begun and handle.problem:
        return Stage("upload", "failed")
    return Stage("upload", "active" if begun else "waiting")


def _on_the_service(handle: "BuildHandle", *, now: datetime) -> tuple[Stage, Stage]:
    build = handle.build
    if handle.cached:
        return Stage("queue", "skipped"), Stage("build", "skipped", None, "cached")
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
