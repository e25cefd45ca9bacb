"""Why one path is sent or left out."""

from pathlib import Path

import pytest

from pipecat_nb.context import Selection, select, why

from .trees import make


@pytest.fixture
def selection(tmp_path: Path) -> Selection:
    make(
        tmp_path,
        _dockerignore="*.md\n!README.md\nDockerfile\nlibs\ndocs/*.txt\nempty\n",
        README_md="",
        notes_md="",
        bot_py="",
        libs__x__a_js="",
        docs__a_txt="",
        docs__b_py="",
    )
    return select(tmp_path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("bot.py", "bot.py is sent: no rule leaves it out."),
        ("./docs/../bot.py", "bot.py is sent: no rule leaves it out."),
        ("README.md", "README.md is sent: it is brought back by .dockerignore:2  !README.md"),
        ("notes.md", "notes.md is left out by .dockerignore:1  *.md"),
        ("Dockerfile", "Dockerfile is sent: no build can do without it."),
        ("libs", "libs is left out by .dockerignore:4  libs"),
        (
            "libs/x/a.js",
            "libs/x/a.js is left out with libs/ by .dockerignore:4  libs",
        ),
        ("docs/a.txt", "docs/a.txt is left out by .dockerignore:5  docs/*.txt"),
        ("docs", "docs/ is a directory: 1 paths sent, 1 left out.\n  docs/a.txt  .dockerignore:5  docs/*.txt"),
        (".", "That is the directory itself: 5 of its files are sent."),
        ("absent\x1b[2J", "There is no absent in "),
        ("../elsewhere", "../elsewhere is not within "),
        ("..", ".. is not within "),
        ("~nobody-of-that-name/x", "There is no ~nobody-of-that-name/x in "),
    ],
)
def test_one_path_is_explained(selection: Selection, path: str, said: str) -> None:
    assert why(selection, path).startswith(said)


def test_an_absolute_path(selection: Selection) -> None:
    assert why(selection, selection.directory / "bot.py") == "bot.py is sent: no rule leaves it out."


def test_the_default_exclusions_and_what_holds_nothing(tmp_path: Path) -> None:
    make(tmp_path, a__b_pyc="")
    selection = select(tmp_path)
    assert why(selection, "a/b.pyc") == "a/b.pyc is left out by default exclusions  *.pyc"
    assert why(selection, "a").startswith("a/ is a directory: 0 paths sent, 1 left out.")


def test_a_path_from_the_current_directory(selection: Selection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(selection.directory.parent)
    assert why(selection, f"{selection.directory.name}/docs/b.py") == "docs/b.py is sent: no rule leaves it out."


def test_a_dockerfile_that_is_not_in_the_directory(tmp_path: Path) -> None:
    make(tmp_path)
    text = f"FROM scratch\nENV API_KEY=sk_car_{'aB3dE6gH9j' * 3}\n"
    assert "Dockerfile:2  Cartesia API key" in why(select(tmp_path, dockerfile_text=text), "Dockerfile")


def test_a_file_that_is_refused_for_its_secret(tmp_path: Path) -> None:
    make(tmp_path, bot_py=f"API_KEY = 'sk_car_{'aB3dE6gH9j' * 3}'\n")
    said = why(select(tmp_path), "bot.py")
    assert "bot.py is sent: no rule leaves it out.\nBut a build is refused without --allow-secret" in said
    assert said.endswith("bot.py:1  Cartesia API key")
