"""What would be sent, in the words of the preview."""

import dataclasses
from pathlib import Path

import pytest

from pipecat_nb.context import select
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


def test_what_is_sent_and_why_the_rest_is_not(directory: Path) -> None:
    bundle = preview.bundle(select(directory), encoder="identical")
    page = Page(bundle["text/html"])
    for said in (page.text, bundle["text/plain"]):
        for word in (
            "my <agent>",
            "3 files",
            "default exclusions",
            "models/voice.bin",
            "4.9 kB",
            ".env",
            "2 paths",
        ):
            assert word in said
    assert ".env default exclusions .env" in " ".join(bundle["text/plain"].split())
    assert "agent" not in {tag for tag, _ in page.tags}
    assert not page.open


def test_an_ignore_file_is_named_with_its_line(directory: Path) -> None:
    (directory / ".dockerignore").write_text("# none of these\n*.pyc\nmodels\n")
    bundle = preview.bundle(select(directory), encoder="identical")
    for said in bundle.values():
        assert "decided by .dockerignore" in said
        assert ".dockerignore:3" in said
    assert ".env" in bundle["text/html"]  # sent, as Docker sends it


def test_long_lists_are_cut_and_say_so(directory: Path) -> None:
    for number in range(30):
        (directory / f"{number:02}.log").write_text("")
    bundle = preview.bundle(select(directory), encoder="identical")
    assert "Left out: 32 paths" in bundle["text/plain"]
    assert "… and 12 more" in bundle["text/plain"]
    assert "29.log" not in bundle["text/plain"]
    assert "29.log" in bundle["text/html"]


def test_the_largest_stand_first_where_the_list_is_long(directory: Path) -> None:
    assert "largest" not in preview.bundle(select(directory), encoder="identical")["text/html"]
    for number in range(20):
        (directory / f"{number:02}.txt").write_text("")
    html = preview.bundle(select(directory), encoder="identical")["text/html"]
    assert html.index("largest") < html.index("models/voice.bin") < html.index("Sent: 23 paths")


def test_warnings_stand_out(directory: Path) -> None:
    selection = dataclasses.replace(select(directory), warnings=("The files are\x1b[2J\u202e 600 MB.",))
    bundle = preview.bundle(selection, encoder="identical")
    assert "! The files are 600 MB." in bundle["text/plain"]
    assert 'class="pcb-error">The files are 600 MB.' in bundle["text/html"]
