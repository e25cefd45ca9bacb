"""Builds from a directory to an image, through the real local service and a real engine."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipecat_nb.client import Client
from pipecat_nb.errors import (
    BuildFailed,
    ConnectionFailed,
    DirectoryNotFound,
    DockerfileNotFound,
    Unauthorized,
    UnknownBuild,
    UnknownRegion,
    WaitTimeout,
)
from pipecat_nb.lifecycle import BuildHandle, Workspace, build, pack
from pipecat_nb.local import LocalService

from ..conftest import wait_until

pytestmark = pytest.mark.usefixtures("engine")


def image_exists(uri: str) -> bool:
    command = [sys.executable, "-m", "pipecat_nb.service.engines", "--image", uri]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_a_directory_becomes_an_image(workspace: Workspace, agent: Path) -> None:
    seen: list[str] = []
    handle = workspace.start(
        agent, note="first", show=lambda shown: shown.observe(lambda c: seen.append(c.new), "status")
    )
    assert handle.id
    assert handle.wait(60).status == "success"
    assert image_exists(handle.image_uri)
    assert seen[:3] == ["checking", "uploading", "creating"]
    assert seen[-1] == "success"
    assert (handle.cached, handle.region, handle.name) == (False, "us-west", "agent")
    assert handle.sent == handle.archive_size > 0
    assert [(stage.name, stage.state) for stage in handle.stages] == [
        ("pack", "done"),
        ("upload", "done"),
        ("queue", "done"),
        ("build", "done"),
    ]
    assert any("COPY" in line for line in handle.logs())
    steps = handle.steps()
    assert steps["name"].tolist() == ["FROM scratch", "COPY bot.py /bot.py"]
    assert steps["state"].tolist() == ["done", "done"]
    columns = workspace.record.columns()[handle.id]
    assert (columns["note"], columns["cached"], columns["files"]) == ("first", False, 2)


def test_the_parallel_encoder_makes_an_image_too(workspace: Workspace, agent: Path) -> None:
    (agent / "noise.bin").write_bytes(os.urandom(2**20))  # several gzip members
    handle = workspace.start(agent, encoder="parallel")
    assert handle.wait(60).status == "success"
    assert image_exists(handle.image_uri)
    again = workspace.start(agent, encoder="parallel")
    assert (again.cached, again.id) == (True, handle.id)


def test_the_same_directory_is_cached_and_a_changed_one_is_not(workspace: Workspace, agent: Path) -> None:
    first = workspace.start(agent).wait(60)
    again = workspace.start(agent)
    assert (again.id, again.cached, again.status, again.image_uri) == (first.id, True, "success", first.image_uri)
    assert again.upload_seconds is None
    (agent / "bot.py").write_text("print('changed')\n")
    changed = workspace.start(agent).wait(60)
    assert changed.id != first.id
    assert not changed.cached


def test_another_dockerfile_path_of_the_same_context_is_another_build(workspace: Workspace, agent: Path) -> None:
    (agent / "other.Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /only\n")
    first = workspace.start(agent).wait(60)
    second = workspace.start(agent, dockerfile="other.Dockerfile").wait(60)
    assert first.context_hash == second.context_hash
    assert first.id != second.id
    assert (second.cached, second.dockerfile_path) == (False, "other.Dockerfile")
    assert second.image_uri != first.image_uri


def test_what_pack_gives_is_what_build_sends(client: Client, agent: Path) -> None:
    (agent / "pcc-deploy.toml").write_text('[build.exclude]\npatterns = ["notes"]\n')
    (agent / "notes").mkdir()
    (agent / "notes" / "secret.txt").write_text("not sent")
    with pack(agent) as packed:
        assert build(agent, client=client).wait(60).context_hash == packed.hash
        assert "notes/secret.txt" not in packed.manifest


def test_a_failing_dockerfile(workspace: Workspace, agent: Path) -> None:
    (agent / "Dockerfile").write_text("FROM scratch\nCOPY absent.txt /\n")
    handle = workspace.start(agent)
    with pytest.raises(BuildFailed, match=r"absent\.txt") as caught:
        handle.wait(60)
    assert caught.value.build is handle
    assert handle.status == "failed"
    found = handle.diagnosis
    assert found is not None
    assert found.where == "step 2/2: COPY absent.txt /"
    assert str(found.excerpt) == "  1 FROM scratch\n> 2 COPY absent.txt /"
    assert "A COPY source is missing. " in str(caught.value)
    assert "%pcbuild logs" in str(caught.value)
    # A build that failed is no cached one: the same directory is built anew.
    assert workspace.start(agent).id != handle.id


def test_awaiting_a_build(workspace: Workspace, agent: Path) -> None:
    async def both() -> tuple[str, int]:
        handle = workspace.start(agent)
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while not handle.final:
                ticks += 1
                await asyncio.sleep(0.01)

        other = asyncio.create_task(tick())
        status = (await handle).status
        await other
        return status, ticks

    status, ticks = asyncio.run(both())
    assert status == "success"
    assert ticks > 1  # the loop went on meanwhile


def test_giving_up_waiting_is_not_the_builds_failure(workspace: Workspace, agent: Path) -> None:
    handle = workspace.start(agent)
    with pytest.raises(WaitTimeout, match="goes on") as caught:
        handle.wait(0)
    assert caught.value.build is handle
    assert handle.wait(60).status == "success"


def test_the_watching_thread_ends_with_its_builds(workspace: Workspace, agent: Path) -> None:
    workspace.start(agent).wait(60)

    def watching() -> bool:
        return any(thread.name == "pipecat_nb watcher" for thread in threading.enumerate())

    wait_until(lambda: not watching(), "the watcher to end")


def test_builds_are_found_again(workspace: Workspace, agent: Path) -> None:
    first = workspace.start(agent).wait(60)
    (agent / "bot.py").write_text("2")
    second = workspace.start(agent, note="the second").wait(60)
    assert workspace.find("^1").id == second.id
    assert workspace.find("^2").id == first.id
    assert workspace.find(first.id).id == first.id
    assert workspace.find(first.id[:10]).id == first.id
    attached = workspace.attach(workspace.find(second.id))
    assert (attached.status, attached.name, attached.note) == ("success", "agent", "the second")
    assert attached.wait(1) is attached
    with pytest.raises(UnknownBuild, match="No build's id begins"):
        workspace.find("zzz")
    with pytest.raises(UnknownBuild, match=r"no build \^9999"):
        workspace.find("^9999")


def test_an_unknown_region_lists_the_known_ones(workspace: Workspace, agent: Path) -> None:
    with pytest.raises(UnknownRegion, match="us-west, us-east") as caught:
        workspace.start(agent, region="moon")
    assert isinstance(caught.value.build, BuildHandle)
    assert caught.value.build.problem


def test_no_directory_and_no_dockerfile(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DirectoryNotFound, match="absent"):
        workspace.start(tmp_path / "absent")
    with pytest.raises(DockerfileNotFound):
        workspace.start(tmp_path)


def test_a_wrong_token(service: LocalService, agent: Path) -> None:
    workspace = Workspace(Client("wrong", api_host=service.url))
    with pytest.raises(Unauthorized, match="Unauthorized") as caught:
        workspace.start(agent)
    assert "wrong" not in str(caught.value).replace("The token is wrong", "")


def test_without_an_engine_the_build_fails_and_says_what_to_install(agent: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PATH"} | {"PATH": str(tmp_path)}
    command = [sys.executable, "-m", "pipecat_nb.service", "--state", str(tmp_path / "state")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        workspace = Workspace(Client(ready["token"], api_host=ready["url"]))
        with pytest.raises(BuildFailed, match="buildah"):
            workspace.start(agent).wait(60)
        process.terminate()
        process.wait(30)
        with pytest.raises(ConnectionFailed, match="cannot be reached"):
            Workspace(Client(ready["token"], api_host=ready["url"])).start(agent)
