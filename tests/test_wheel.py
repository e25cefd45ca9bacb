"""The wheel, alone in an empty environment and an empty folder, does the whole job."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

JOB = """
import pathlib, pipecat_nb
agent = pathlib.Path("agent")
agent.mkdir()
(agent / "Dockerfile").write_text("FROM scratch\\nCOPY bot.py /\\n")
(agent / "bot.py").write_text("print('from the wheel')\\n")
build = pipecat_nb.build(agent)
build.wait(120)
again = pipecat_nb.build(agent)
frame = pipecat_nb.history()
print(build.status, again.cached, list(frame.index) == [build.id], pipecat_nb.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (built,) = out.glob("*.whl")
    return built


def test_what_is_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "pipecat_nb").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours <= names
    assert "pipecat_nb/py.typed" in names
    assert "License-Expression: BSD-2-Clause" in metadata
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"pipecat_nb"}


@pytest.mark.usefixtures("engine")
def test_the_wheel_alone_builds_an_image(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run(
        [python, "-m", "pip", "install", "-q", str(wheel)], check=True, timeout=600, capture_output=True
    )
    folder = tmp_path / "empty"
    folder.mkdir()
    state = tmp_path / "state"
    environment = os.environ | {"PIPECAT_NB_STATE": str(state)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [python, "-c", JOB], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    stop = [
        python,
        "-c",
        "import json, os, signal, sys; os.kill(json.load(open(sys.argv[1]))['pid'], signal.SIGTERM)",
    ]
    subprocess.run([*stop, state / "service" / "service.json"], check=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:3] == ["success", "True", "True"]
    assert str(home) in done.stdout
