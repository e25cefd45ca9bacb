"""The form: what it offers of directories, Dockerfiles and regions."""

from pathlib import Path

import pytest

from pipecat_nb.models import Region
from pipecat_nb.notebook.widgets.form import Form, dockerfiles, subdirectories

REGIONS = [Region(code="us-west", display_name="US West"), Region(code="eu", display_name="eu")]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with projects in it."""
    for name in ("agent", "api server", ".hidden", "other/inner"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a-file").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (".", ["./agent", "./api server", "./other"]),
        ("", ["agent", "api server", "other"]),
        ("a", ["agent", "api server"]),
        ("./a", ["./agent", "./api server"]),
        ("other/", ["other/inner"]),
        (".h", [".hidden"]),
        ("nowhere/", []),
        ("~nobody-has-this-name/", []),
        ("\0", []),
    ],
)
def test_directories_are_completed(here: Path, typed: str, offered: list[str]) -> None:
    assert subdirectories(typed) == offered


def test_an_absolute_path_is_completed(here: Path) -> None:
    assert subdirectories(f"{here}/o") == [f"{here}/other"]


def test_dockerfiles_are_found(here: Path) -> None:
    for name in ("Dockerfile.gpu", "test.Dockerfile", "Dockerfile", "Dockerfile.dockerignore", "Dockerfiles"):
        (here / "agent" / name).touch()
    (here / "agent/docker/deep").mkdir(parents=True)
    (here / "agent/docker/Dockerfile").touch()
    (here / "agent/docker/deep/Dockerfile").touch()
    found = ["Dockerfile", "Dockerfile.gpu", "test.Dockerfile", "docker/Dockerfile"]
    assert dockerfiles(here / "agent") == found
    assert dockerfiles(here / "agent", first="docker/deep/Dockerfile") == ["docker/deep/Dockerfile", *found]
    assert dockerfiles(here / "nowhere") == []


def test_the_form_follows_the_directory(here: Path) -> None:
    (here / "agent/Dockerfile").touch()
    (here / "other/docker").mkdir()
    (here / "other/docker/Dockerfile").touch()
    (here / "other/pcc-deploy.toml").write_text('region = "eu"\n[build]\ndockerfile = "docker/Dockerfile"\n')
    form = Form("agent")
    assert form.dockerfile.value == "Dockerfile"
    form.offer_regions(REGIONS, "us-west")
    assert form.region.options == (("US West (us-west)", "us-west"), ("eu", "eu"))
    assert form.region.value == "us-west"
    form.directory.value = "other"
    assert (form.dockerfile.value, form.region.value) == ("docker/Dockerfile", "eu")
    form.directory.value = "nowhere"
    assert (form.dockerfile.label, form.dockerfile.value) == ("none was found", "")
    form.note.value = "  why "
    wanted = form.wanted
    assert (wanted.directory, wanted.dockerfile, wanted.region, wanted.note) == ("nowhere", None, "us-west", "why")
    form.region.value = "eu"  # chosen by a person
    form.directory.value = "agent"
    assert form.region.value == "eu"
    form.close()


def test_what_was_chosen_stays_when_the_regions_come_again(here: Path) -> None:
    form = Form("agent")
    assert form.wanted.region is None
    form.offer_regions(REGIONS, "us-west")
    form.region.value = "eu"
    form.offer_regions(REGIONS, "us-west")
    assert form.region.value == "eu"
    form.offer_regions([], "")
    assert form.wanted.region is None
    form.close()


def test_a_project_that_cannot_be_read_is_no_fault_of_the_form(here: Path) -> None:
    (here / "agent/pcc-deploy.toml").write_text("not = [toml")
    form = Form("agent")
    assert form.wanted.dockerfile is None
    form.directory.value = "~nobody-has-this-name"
    form.directory.value = ""
    assert form.wanted.directory is None
    form.close()


def test_every_control_has_a_label(here: Path) -> None:
    form = Form()
    assert [each.description for each in form.children] == ["Directory", "Dockerfile", "Region", "Note"]
    form.close()
