"""The stages of builds in every state."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipecat_nb.client import Client
from pipecat_nb.lifecycle import BuildHandle
from pipecat_nb.lifecycle.stages import Here, Stage, stages
from pipecat_nb.models import Build

NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)


def here(status: str = "pending", **more: Any) -> Here:
    known = {"cached": False, "failed": False, "files": 3, "pack_seconds": 0.5, "upload_seconds": 1.5}
    return Here(status=status, **known | more)


def build(
    status: str, *, created: float = 60, started: float | None = None, completed: float | None = None
) -> Build:
    """A build whose times lie so many seconds before NOW."""

    def ago(seconds: float | None) -> datetime | None:
        return None if seconds is None else NOW - timedelta(seconds=seconds)

    return Build(
        id="b", status=status, created_at=ago(created), started_at=ago(started), completed_at=ago(completed)
    )


PACKED, UPLOADED = Stage("pack", "done", 0.5, "3 files"), Stage("upload", "done", 1.5)
WAITING = (Stage("queue", "waiting"), Stage("build", "waiting"))


@pytest.mark.parametrize(
    ("part", "record", "expected"),
    [
        (
            here("packing", pack_seconds=None, upload_seconds=None),
            None,
            (Stage("pack", "active"), Stage("upload", "waiting"), *WAITING),
        ),
        (
            here("packing", pack_seconds=None, upload_seconds=None, failed=True),
            None,
            (Stage("pack", "failed"), Stage("upload", "waiting"), *WAITING),
        ),
        (here("uploading", upload_seconds=None), None, (PACKED, Stage("upload", "active"), *WAITING)),
        (here("uploading", upload_seconds=None, failed=True), None, (PACKED, Stage("upload", "failed"), *WAITING)),
        (
            here(),
            build("pending"),
            (PACKED, UPLOADED, Stage("queue", "active", 60.0), Stage("build", "waiting")),
        ),
        (
            here("building"),
            build("building", started=50),
            (PACKED, UPLOADED, Stage("queue", "done", 10.0), Stage("build", "active", 50.0)),
        ),
        (
            here("failed"),
            build("failed", started=50, completed=20),
            (PACKED, UPLOADED, Stage("queue", "done", 10.0), Stage("build", "failed", 30.0)),
        ),
        (
            here("success", cached=True, upload_seconds=None),
            build("success", started=50, completed=20),
            (
                PACKED,
                Stage("upload", "skipped", None, "not needed"),
                Stage("queue", "skipped"),
                Stage("build", "skipped", None, "cached"),
            ),
        ),
        (
            None,
            build("success", created=60, started=70, completed=20),
            (
                Stage("pack", "skipped"),
                Stage("upload", "skipped"),
                Stage("queue", "done", 0.0),
                Stage("build", "done", 50.0),
            ),
        ),
    ],
)
def test_stages(part: Here | None, record: Build | None, expected: tuple[Stage, ...]) -> None:
    assert stages(part, record, now=NOW) == expected


def test_all_the_seconds_of_a_build_are_those_of_its_stages() -> None:
    """However late its end was noticed here."""
    client = Client("key-of-a-test", api_host="http://127.0.0.1:9")
    handle = BuildHandle(client, directory="/home/me/agent")
    begun = datetime(2026, 3, 1, 12, tzinfo=UTC)
    build = Build(id="1", status="building", created_at=begun, started_at=begun)
    handle.update(build)
    created = handle.elapsed
    handle.update(build.replace(status="success", completed_at=begun + timedelta(seconds=100)))
    assert 100 <= handle.elapsed <= 100 + created
