"""The life of a build, by a real engine."""

import hashlib
import os
import re
import shutil
import sqlite3
import sys
import time
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path

import pytest

from pipecat_nb.service.engines import Engine

from .conftest import TINY, Caller, holes, pack, remove_images, serving, shell_context, wait_for

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.mark.parametrize("prefix", ["/v1", "/v1/organizations/local"])
def test_a_build_from_upload_to_image(api: Caller, container_engine: Engine, prefix: str) -> None:
    archive = pack(TINY | {"prefix": prefix.encode()})
    ticket = api.post(f"{prefix}/builds/upload-url", {"region": "eu-central"}).json()
    assert set(ticket) == {"uploadId", "uploadUrl", "uploadFields", "expiresAt"}
    assert ISO.fullmatch(ticket["expiresAt"])
    assert api.send(ticket, archive).status_code == 204
    body = {"uploadId": ticket["uploadId"], "region": "eu-central", "dockerfilePath": "Dockerfile"}
    answer = api.post(f"{prefix}/builds", body)
    assert answer.status_code == 201
    created = answer.json()
    assert created["cached"] is False
    assert created["contextHash"] == hashlib.md5(archive).hexdigest()[:16] == created["build"]["contextHash"]
    assert created["build"]["status"] == "pending"
    assert "imageUri" not in created["build"]

    build = api.ended(created["build"]["id"])
    assert build["status"] == "success"
    assert build["region"] == "eu-central"
    assert build["contextSizeBytes"] == len(archive)
    assert isinstance(build["buildDurationSeconds"], int)
    times = [build[name] for name in ("createdAt", "startedAt", "completedAt", "updatedAt")]
    assert times == sorted(times)
    assert all(ISO.fullmatch(time) for time in times)
    assert build["imageSizeBytes"] == container_engine.image_size(build["imageUri"])
    assert "errorMessage" not in build

    log = api.session.get(build["logsUrl"], timeout=60).json()["logs"]
    assert log[0] == f"Container engine: {container_engine.name} {container_engine.version}"
    assert any("COPY data /data" in line for line in log)
    assert api.get(f"{prefix}/builds/{build['id']}/logs", params={"limit": 1}).json()["logs"] == log[-1:]

    again = api.post(f"{prefix}/builds", body)
    assert again.status_code == 200
    assert again.json() == {"build": build, "contextHash": build["contextHash"], "cached": True}


@pytest.mark.usefixtures("container_engine")
def test_the_cache_compares_hash_region_and_dockerfile(api: Caller) -> None:
    archive = pack(TINY | {"other/Dockerfile": TINY["Dockerfile"]})
    first = api.run(archive)
    others = [
        api.run(archive, region="us-east"),
        api.run(archive, dockerfile="other/Dockerfile"),
        api.run(pack(TINY)),
    ]
    assert {build["status"] for build in others} == {"success"}
    assert len({build["id"] for build in (first, *others)}) == 4
    assert len({build["imageUri"] for build in (first, *others)}) == 4
    assert api.create(archive).json()["build"]["id"] == first["id"]
    assert api.create(archive, dockerfile="other/Dockerfile").json()["build"]["id"] == others[1]["id"]


def test_a_build_whose_image_is_gone_is_built_again(api: Caller, container_engine: Engine) -> None:
    first = api.run(pack(TINY | {"data": b"gone"}))
    remove_images(first["imageUri"])
    answer = api.create(pack(TINY | {"data": b"gone"}))
    assert answer.status_code == 201
    assert answer.json()["build"]["id"] != first["id"]
    assert api.ended(answer.json()["build"]["id"])["imageUri"] == first["imageUri"]


@pytest.mark.usefixtures("container_engine")
def test_who_looks_for_an_image_is_told_of_builds_that_have_one(api: Caller) -> None:
    archive = pack(TINY | {"data": b"looked up"})
    west, east = api.run(archive), api.run(archive, region="us-east")

    def listed(query: str) -> tuple[list[str], int]:
        page = api.get(f"/v1/builds?contextHash={west['contextHash']}{query}").json()
        return [build["id"] for build in page["builds"]], page["total"]

    both = ([east["id"], west["id"]], 2)
    assert listed("&status=success") == both
    assert listed("&status=success&region=us-west") == ([west["id"]], 1)
    remove_images(west["imageUri"])
    assert listed("&status=success") == ([east["id"]], 1)
    assert listed("&status=success&region=us-west") == ([], 0)
    assert listed("") == both, "the history stays what it was"
    remove_images(east["imageUri"])
    assert listed("&status=success") == ([], 0)


@pytest.mark.usefixtures("container_engine")
def test_a_failing_dockerfile_tells_the_engines_error(api: Caller) -> None:
    archive = pack({"Dockerfile": b"FROM scratch\nCOPY nothing /nothing\n"})
    build = api.run(archive)
    assert build["status"] == "failed"
    assert "nothing" in build["errorMessage"]
    assert "\n" not in build["errorMessage"]
    assert "/work/" not in build["errorMessage"]
    assert "imageUri" not in build
    assert any("nothing" in line for line in api.log(build["id"]))
    assert api.create(archive).status_code == 201, "only successful builds are cached"


@pytest.mark.usefixtures("container_engine")
@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (b"no archive at all", "no readable tar.gz"),
        (pack(TINY)[:-20], "no readable tar.gz"),
        (pack({"../escaped": b"x"} | TINY), "leaves it"),
        (pack({"data": b"x"}), "no file 'Dockerfile'"),
    ],
)
def test_a_bad_context_fails_the_build(api: Caller, archive: bytes, reason: str) -> None:
    build = api.run(archive)
    assert build["status"] == "failed"
    assert reason in build["errorMessage"]
    assert reason in api.log(build["id"])[-1]


def test_without_an_engine_a_build_fails_and_says_what_to_install(
    api: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    build = api.run(pack(TINY))
    assert build["status"] == "failed"
    assert build["errorMessage"].startswith("No container engine answers (docker, podman or buildah).")
    assert "nstall" in build["errorMessage"]


@pytest.mark.usefixtures("container_engine")
def test_log_lines_come_while_it_builds_and_the_time_limit_ends_all_processes(
    tmp_path: Path, shell: dict[str, bytes]
) -> None:
    with serving(tmp_path / "state", build_timeout=3) as api:
        build_id = api.create(shell_context(shell, "echo begun; sleep 4321 & sleep 4321")).json()["build"]["id"]
        wait_for(lambda: "begun" in api.log(build_id))
        assert api.build(build_id)["status"] == "building"
        assert running("sleep 4321")
        build = api.ended(build_id)
    assert build["status"] == "timeout"
    assert build["errorMessage"] == "The build was stopped at the time limit of 3 s."
    assert 3 <= build["buildDurationSeconds"] < 9
    wait_for(lambda: not running("sleep 4321"), limit=10)


@pytest.mark.usefixtures("container_engine")
def test_the_time_limit_ends_unpacking_too(tmp_path: Path) -> None:
    with serving(tmp_path / "state", build_timeout=0.2) as api:
        begun = time.monotonic()
        build = api.run(pack(TINY, holes("zeros", 15 * 1024**3)))
        assert time.monotonic() - begun < 5
    assert build["status"] == "timeout"
    assert list((tmp_path / "state" / "work").iterdir()) == []


@pytest.mark.usefixtures("container_engine")
def test_leaving_ends_unpacking_too(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as api:
        build_id = api.create(pack(TINY, holes("zeros", 15 * 1024**3))).json()["build"]["id"]
        wait_for(lambda: any((tmp_path / "state" / "work").glob("*/zeros")))
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    with serving(tmp_path / "state") as api:
        assert "was stopped" in api.build(build_id)["errorMessage"]


@pytest.mark.parametrize("refused", ["building", "failed"])
def test_a_build_survives_a_database_that_refuses_for_a_while(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, refused: str
) -> None:
    with (
        serving(tmp_path / "state") as api,
        closing(sqlite3.connect(tmp_path / "state" / "service.db")) as database,
    ):
        database.execute(
            f"CREATE TRIGGER full BEFORE UPDATE ON builds WHEN NEW.status = '{refused}'"
            " BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
        build_id = api.create(b"no archive").json()["build"]["id"]
        wait_for(lambda: "no room" in caplog.text)
        assert api.build(build_id)["status"] in ("pending", "building")
        database.execute("DROP TRIGGER full")
        assert api.ended(build_id)["status"] == "failed"


def test_leaving_does_not_wait_for_a_database_that_refuses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        serving(tmp_path / "state") as api,
        closing(sqlite3.connect(tmp_path / "state" / "service.db")) as database,
    ):
        database.execute("CREATE TRIGGER full BEFORE UPDATE ON builds BEGIN SELECT RAISE(ABORT, 'no room'); END")
        build_id = api.create(b"no archive").json()["build"]["id"]
        wait_for(lambda: "no room" in caplog.text)
    with closing(sqlite3.connect(tmp_path / "state" / "service.db")) as database:
        database.execute("DROP TRIGGER full")
    with serving(tmp_path / "state") as api:
        assert api.ended(build_id)["status"] == "failed"


def test_what_cannot_be_removed_does_not_hinder_a_start(tmp_path: Path) -> None:
    deep = tmp_path / "state" / "work" / "context-left"
    deep.mkdir(parents=True)
    with ExitStack() as stack:
        # Deeper than Python's stack; made from the inside, as a path it would be too long.
        stack.callback(os.chdir, Path.cwd())
        os.chdir(deep)
        for _ in range(1300):
            Path("a").mkdir()
            os.chdir("a")
    stray = tmp_path / "state" / "contexts" / "stray"
    stray.mkdir(parents=True)
    try:
        with serving(tmp_path / "state") as api:
            assert api.get("/v1/regions").status_code == 200
    finally:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(10_000)
        shutil.rmtree(deep, ignore_errors=True)
        sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("container_engine")
def test_one_worker_builds_in_the_order_of_creation(tmp_path: Path) -> None:
    with serving(tmp_path / "state", workers=1) as api:
        ids = [api.create(pack(TINY | {"data": bytes([n])})).json()["build"]["id"] for n in range(3)]
        builds = [api.ended(build_id) for build_id in ids]
        listed = api.get("/v1/builds").json()
    for earlier, later in pairwise(builds):
        assert earlier["completedAt"] <= later["startedAt"]
    assert [build["id"] for build in listed["builds"]] == ids[::-1], "newest first"


@pytest.mark.usefixtures("container_engine")
def test_leaving_stops_what_runs_and_keeps_what_waits(tmp_path: Path, shell: dict[str, bytes]) -> None:
    with serving(tmp_path / "state", workers=1) as api:
        running_id = api.create(shell_context(shell, "echo begun; sleep 5432")).json()["build"]["id"]
        waiting_id = api.create(pack(TINY)).json()["build"]["id"]
        wait_for(lambda: "begun" in api.log(running_id))
    assert not running("sleep 5432")
    with serving(tmp_path / "state", workers=1) as api:
        stopped = api.build(running_id)
        assert stopped["status"] == "failed"
        assert stopped["errorMessage"] == ("The local service was stopped while this build ran; start it again.")
        assert api.ended(waiting_id)["status"] == "success"


def running(command: str) -> bool:
    """Whether a process of exactly this command runs."""
    wanted = command.replace(" ", "\0").encode() + b"\0"
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if file.read_bytes() == wanted:
                return True
        except OSError:
            continue
    return False
