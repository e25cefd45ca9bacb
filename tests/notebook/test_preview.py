"""What would be sent, in the words of the preview."""

import dataclasses
from pathlib import Path

import pytest

from pipecat_nb.context import pack, select
from pipecat_nb.notebook import preview

from .test_card import Page


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = tmp_path / "my <agent>"
    for name, content in {
        "Dockerfile": "FROM scratch\n",
        "bot.py": "print()",
        "models/voice.bin": "x" * 5000,
        ".env": "TOKEN=1",
        "__pycache__/bot.pyc": "x",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def previewed(directory: Path) -> dict[str, str]:
    with pack(directory) as packed:
        return preview.of(packed)


def test_what_is_sent_and_why_the_rest_is_not(directory: Path) -> None:
    with pack(directory) as packed:
        bundle = preview.of(packed)
    page = Page(bundle["text/html"])
    for said in (page.text, bundle["text/plain"]):
        for word in (
            "my <agent>",
            "3 files",
            "default exclusions",
            "models/",
            "4.9 kB",
            ".env",
            "2 paths",
            packed.hash,
            "of at most 500 MB: 500 MB left",
        ):
            assert word in said
    assert ".env default exclusions .env" in " ".join(bundle["text/plain"].split())
    assert "agent" not in {tag for tag, _ in page.tags}
    assert not page.open
    assert "Is this meant" not in page.text


def test_an_ignore_file_is_named_with_its_line(directory: Path) -> None:
    (directory / ".dockerignore").write_text("# none of these\n*.pyc\nmodels\n")
    for said in previewed(directory).values():
        assert "decided by .dockerignore" in said
        assert ".dockerignore:3" in said


def test_what_is_suspicious_stands_with_the_lines_that_leave_it_out(directory: Path) -> None:
    (directory / ".dockerignore").write_text("")
    (directory / ".env").write_text("TOKEN=not-to-be-shown")
    bundle = previewed(directory)
    page = Page(bundle["text/html"])
    for said in (page.text, bundle["text/plain"]):
        assert "without --allow-secret this is not sent" in said
        assert ".env:1" in said
        assert "by lines in .dockerignore" in said
        assert "**/__pycache__" in said
        assert "not-to-be-shown" not in said


def test_without_an_ignore_file_the_lines_are_the_project_files(directory: Path) -> None:
    (directory / "call \U0001f4de.csv").write_bytes(b"x" * 2**20)
    for said in previewed(directory).values():
        assert "by patterns in pcc-deploy.toml, under [build.exclude]" in said
    assert '"call \U0001f4de.csv",' in said


def test_patterns_of_the_project_that_are_not_read_are_named(directory: Path) -> None:
    assert "not read" not in preview.of_unpacked(select(directory, exclude=["a"]), problem="")["text/plain"]
    (directory / ".dockerignore").write_text("")
    for said in preview.of_unpacked(select(directory, exclude=["a"]), problem="").values():
        assert "[build.exclude] of pcc-deploy.toml is not read beside it" in said


def test_long_lists_of_lines_are_cut(directory: Path) -> None:
    (directory / ".dockerignore").write_text("")
    for number in range(30):
        (directory / f"{number:02}.csv").write_bytes(b"x" * 2**20)
    lines = preview.of_unpacked(select(directory), problem="")["text/plain"].splitlines()
    assert lines.count("  … and 11 more") == 2  # of the table and of the lines
    assert len(lines) < 110


def test_long_lists_are_cut_and_say_so(directory: Path) -> None:
    for number in range(30):
        (directory / f"{number:02}.log").write_text("")
    bundle = previewed(directory)
    assert "Left out: 32 paths" in bundle["text/plain"]
    assert "… and 12 more" in bundle["text/plain"]
    assert "29.log" not in bundle["text/plain"]
    assert "29.log" in bundle["text/html"]


def test_the_largest_are_drawn_to_scale(directory: Path) -> None:
    (directory / "half.txt").write_text("x" * 2500)
    bundle = previewed(directory)
    bars = {line.split()[0]: line.count("█") for line in bundle["text/plain"].splitlines() if "█" in line}
    assert bars == {"models/": 24, "half.txt": 12, "Dockerfile": 1, "bot.py": 1}
    assert bundle["text/html"].index("models/") < bundle["text/html"].index("half.txt")


def test_what_cannot_be_packed_says_why(directory: Path) -> None:
    bundle = preview.of_unpacked(select(directory), problem="The context is above 500 MB.\n  1 MB  models/")
    assert "! The context is above 500 MB." in bundle["text/plain"]
    assert "models/" in bundle["text/html"]
    assert "hash" not in Page(bundle["text/html"]).text


def test_warnings_stand_out(directory: Path) -> None:
    selection = dataclasses.replace(select(directory), warnings=("The files are\x1b[2J\u202e 600 MB.",))
    bundle = preview.of_unpacked(selection, problem="")
    assert "! The files are 600 MB." in bundle["text/plain"]
    assert 'class="pcb-error">The files are 600 MB.' in bundle["text/html"]
