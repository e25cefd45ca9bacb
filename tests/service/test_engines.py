"""Engines, chosen by asking them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipecat_nb.errors import EngineError, EngineNotFound
from pipecat_nb.service import engines
from pipecat_nb.service.engines import ENGINES, Engine, EngineChoice, how_to_install
from pipecat_nb.service.process import ProcessTree

from ..conftest import remove_images


def command(*options: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = os.environ if path is None else {**os.environ, "PATH": path}
    return subprocess.run(
        [sys.executable, "-m", "pipecat_nb.service.engines", *options],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )


def test_the_order_is_docker_podman_buildah() -> None:
    assert list(ENGINES) == ["docker", "podman", "buildah"]


def test_an_image_is_built_and_found_by_its_name(container_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "-Dockerfile").write_text("FROM scratch\nCOPY data /data\n")
    (tmp_path / "data").write_bytes(b"x" * 5000)
    tag = "localhost/pipecat-cloud/test-engines:1"
    assert container_engine.image_size("localhost/pipecat-cloud/test-engines:nothing") is None
    lines = list(container_engine.build(tmp_path, dockerfile="sub/-Dockerfile", tag=tag, processes=ProcessTree()))
    assert any("COPY data /data" in line for line in lines)
    size = container_engine.image_size(tag)
    assert size is not None
    assert 5000 < size < 50_000

    (tmp_path / "Dockerfile").write_text(f"FROM {tag.removeprefix('localhost/')}\nCOPY data /more\n")
    if container_engine.name != "docker":  # there localhost/ is a part of the name
        list(container_engine.build(tmp_path, dockerfile="Dockerfile", tag=tag, processes=ProcessTree()))
        assert (container_engine.image_size(tag) or 0) > size
    assert command("--image", tag).returncode == 0
    remove_images(tag)
    assert command("--image", tag).returncode == 1


@pytest.mark.parametrize(
    ("dockerfile", "told"),
    [
        ("FROM scratch\nCOPY nothing /\n", "nothing"),
        ("FROM scratch\nCOPPY data /\n", "COPPY"),
        ('FROM scratch\nCOPY data /\nRUN ["/no-such-program"]\n', "no-such-program"),
    ],
)
def test_a_failure_is_told_in_the_engines_words(
    container_engine: Engine, tmp_path: Path, dockerfile: str, told: str
) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    (tmp_path / "data").write_bytes(b"x")
    with pytest.raises(EngineError, match=told) as failed:
        list(container_engine.build(tmp_path, dockerfile="Dockerfile", tag="localhost/x", processes=ProcessTree()))
    assert str(tmp_path) not in str(failed.value)


def test_the_command_prints_the_engine(container_engine: Engine) -> None:
    answer = command()
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, f"{container_engine.name}\n", "")


def test_without_an_engine_the_command_says_what_to_install(tmp_path: Path) -> None:
    answer = command(path=str(tmp_path))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "No container engine answers (docker, podman or buildah)." in answer.stderr
    assert how_to_install(sys.platform) in answer.stderr


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a shell script in the place of an engine."""
    if sys.platform == "win32":
        pytest.skip("the stand-in is a shell script")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def put(name: str, script: str) -> None:
        program = tmp_path / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return put


def test_a_program_that_does_not_answer_is_no_engine(
    stand_in: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in {"docker": "exit 1", "podman": "exec sleep 60", "buildah": "echo"}.items():
        stand_in(name, script)
    monkeypatch.setattr(engines, "ANSWER_LIMIT", 0.2)
    with pytest.raises(EngineNotFound):
        EngineChoice().get()


def test_no_answer_is_not_no_image(stand_in: Callable[[str, str], None]) -> None:
    stand_in("docker", '[ "$1" = version ] && exec echo 1.0; exec sleep 60')
    engine = EngineChoice("docker").get()
    with pytest.raises(EngineError, match=r"docker did not answer within 0\.2 s"):
        engine.image_size("x", limit=0.2)
    stand_in("docker", '[ "$1" = version ] && exec echo 1.0; exit 1')
    assert engine.image_size("x") is None
    stand_in("docker", "exit 1")
    with pytest.raises(EngineError, match="docker does not answer any more"):
        engine.image_size("x")


def test_an_engine_that_answers_no_more_is_replaced(stand_in: Callable[[str, str], None]) -> None:
    for name in ("docker", "podman"):
        stand_in(name, f"echo {name}-1.0")
    choice = EngineChoice()
    assert choice.get().name == "docker"
    stand_in("docker", "exit 1")
    assert (choice.get().name, choice.get().version) == ("podman", "podman-1.0")
    stand_in("docker", "echo 2.0")
    assert choice.get().name == "podman", "as long as it answers"


def test_every_platform_is_told_what_to_install() -> None:
    assert "apt-get install buildah" in how_to_install("linux")
    assert "podman" in how_to_install("darwin")
    assert "Docker Desktop" in how_to_install("win32")
