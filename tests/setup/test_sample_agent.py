"""The sample agent's image does what the base image's users expect of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipecat_nb.lifecycle import Workspace

ROOT = Path(__file__).parents[2]
BASE_IMAGE = "dailyco/pipecat-base:latest"
ASK = """
import asyncio, types
from bot import bot
asyncio.run(bot(types.SimpleNamespace(session_id="of-the-test", body={})))
"""


@pytest.fixture(scope="module")
def base_image(engine: str) -> str:
    ask = [sys.executable, "-m", "pipecat_nb.service.engines", "--engine", engine, "--image", BASE_IMAGE]
    if subprocess.run(ask, check=False).returncode:
        pytest.skip(f"no {BASE_IMAGE} in {engine}: bash notebooks/setup/base-image {engine}")
    return BASE_IMAGE


def run(engine: str, image: str, *command: str) -> str:
    """What a command in an image prints."""
    if engine != "buildah":
        return said(engine, "run", "--rm", image, *command)
    container = said("buildah", "from", image).strip()
    try:
        return said("buildah", "run", container, "--", *command)
    finally:
        said("buildah", "rm", container)


def said(*command: str) -> str:
    environment = {"BUILDAH_ISOLATION": "chroot", **os.environ}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_image_of_the_sample_agent_runs(workspace: Workspace, engine: str, base_image: str) -> None:
    build = workspace.start(ROOT / "notebooks" / "agent").wait(300)
    assert base_image in "\n".join(build.logs())
    spoken = run(engine, build.image_uri, "python", "-c", ASK)
    assert spoken.startswith("[session of-the-test] Hello! We ")


def test_uv_installs_in_the_base_image(workspace: Workspace, engine: str, base_image: str, tmp_path: Path) -> None:
    project = 'name = "agent"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["humanize==4.12.3"]\n'
    (tmp_path / "pyproject.toml").write_text(f"[project]\n{project}")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {base_image}\nCOPY pyproject.toml .\nRUN uv sync --no-install-project\n"
    )
    build = workspace.start(tmp_path).wait(300)
    spoken = run(engine, build.image_uri, "python", "-c", "import humanize; print(humanize.apnumber(7))")
    assert spoken.strip() == "seven"
