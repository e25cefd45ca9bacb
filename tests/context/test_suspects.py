"""What is sent and rarely meant to be, and that the patterns given for it leave it out."""

from pathlib import Path

import pytest

from pipecat_nb.context import Suspect, pack, suspects
from pipecat_nb.context.suspects import suspects as of_selection

MEGABYTE = 2**20

FILES = {
    "Dockerfile": 12,
    "bot.py": 10,
    "data.py": 10,
    "small.csv": 10,
    "calls.csv": MEGABYTE + 1,
    "models/voice [de].onnx": 2 * MEGABYTE,
    "greeting.wav": MEGABYTE,
    "myenv/pyvenv.cfg": 1,
    "myenv/lib/site-packages/a.py": 100,
    "app/__pycache__/bot.pyc": 50,
    "__pycache__/bot.pyc": 70,
    "notes/.ipynb_checkpoints/a.ipynb": 20,
    "web/node_modules/x/index.js": 500,
    "agent.log": 30,
    "old/agent.log": 5,
    "blob": 10 * MEGABYTE,
    # Packages of sources, by names that others have too.
    "src/build/make.py": 10,
    "src/env/read.py": 10,
    "src/data/rows.py": 10,
    "data/calls/one.txt": MEGABYTE,
}


def made(root: Path, *, ignore: str | None) -> Path:
    for name, size in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"#" * size)
    (root / ".env").write_text("KEY=abc\n")
    if ignore is not None:
        (root / ".dockerignore").write_text(ignore)
    return root


def found(root: Path, *, exclude: tuple[str, ...] = ()) -> list[Suspect]:
    with pack(root, exclude=exclude) as packed:
        return suspects(packed.selection, packed.secrets)


def test_what_is_suspicious_is_named_with_its_kind_and_size(tmp_path: Path) -> None:
    assert found(made(tmp_path, ignore="")) == [
        Suspect("environment file with values", ".env", ".env", 1, 8),
        Suspect("large file", "blob", "blob", 1, 10 * MEGABYTE),
        Suspect("model", "models/voice [de].onnx", "models/voice \\[de\\].onnx", 1, 2 * MEGABYTE),
        Suspect("dataset", "calls.csv", "calls.csv", 1, MEGABYTE + 1),
        Suspect("dataset", "data/", "data", 1, MEGABYTE),
        Suspect("recording", "greeting.wav", "greeting.wav", 1, MEGABYTE),
        Suspect("installed packages", "web/node_modules/", "**/node_modules", 1, 500),
        Suspect("cache", "__pycache__/", "**/__pycache__", 2, 120),
        Suspect("virtual environment", "myenv/", "myenv", 2, 101),
        Suspect("log", "agent.log", "**/*.log", 2, 35),
        Suspect("notebook checkpoints", "notes/.ipynb_checkpoints/", "**/.ipynb_checkpoints", 1, 20),
    ]


def test_from_a_program_the_secret_is_taken_and_not_the_program(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "bot.py").write_text(f"API_KEY = 'sk_car_{'aB3dE6gH9j' * 3}'\n")
    assert found(tmp_path) == [Suspect("Cartesia API key", "bot.py", "", 1, 50)]


@pytest.mark.parametrize("ignore", ["", None], ids=["an ignore file", "the default exclusions"])
def test_the_patterns_leave_it_out(tmp_path: Path, ignore: str | None) -> None:
    patterns = [suspect.pattern for suspect in found(made(tmp_path, ignore=ignore))]
    assert "calls.csv" in patterns
    if ignore is None:
        assert found(tmp_path, exclude=tuple(patterns)) == []
    else:
        (tmp_path / ".dockerignore").write_text("\n".join(patterns))
        assert found(tmp_path) == []
    with pack(tmp_path, exclude=tuple(patterns)) as packed:
        assert {"Dockerfile", "bot.py", "data.py", "small.csv"} <= packed.manifest.keys()


def test_an_ordinary_project_is_not_suspicious(tmp_path: Path) -> None:
    for name in ("Dockerfile", "bot.py", "environment.py", "build.py", "env.py", "models.py", "logs.md"):
        (tmp_path / name).write_text("x")
    with pack(tmp_path) as packed:
        assert of_selection(packed.selection) == []
