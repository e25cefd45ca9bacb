"""What is sent of directories of every kind, and what stands in the way."""

import fnmatch
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.context import BuildContext, pack, select
from pipecat_nb.context.defaults import PATTERNS, DefaultMatcher
from pipecat_nb.context.rule import ROOT
from pipecat_nb.errors import (
    ContextError,
    DirectoryNotFound,
    DockerfileNotFound,
    UnreadableFiles,
)

from .trees import as_nobody, make

posix = pytest.mark.skipif(os.name == "nt", reason="such names and files are for POSIX")


def sent(root: Path, *, dockerfile: str = "Dockerfile", exclude: Iterable[str] = ()) -> list[str]:
    return [member.path for member in select(root, dockerfile=dockerfile, exclude=exclude).members]


def test_docker_walks_and_asks_again_only_of_what_was_left_out(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="**/_env\n!agent\n".replace("_", "."), agent___env="TOKEN=1", agent__bot_py="x")
    assert sent(tmp_path) == [".dockerignore", "Dockerfile", "agent/bot.py"]


def test_a_directory_that_nothing_comes_back_from_stands_for_all_below(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="*\n!**/keep.md\n", docs__keep_md="x", docs__b="x", lib__deep__a="x", lib__b="x")
    selection = select(tmp_path)
    assert [member.path for member in selection.members] == [".dockerignore", "Dockerfile", "docs/keep.md"]
    assert [each.path for each in selection.ignored] == ["docs/b", "lib/"]


def test_why_a_path_is_sent_all_the_same(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="*\n!a\n", a="x")
    rules = {member.path: str(member.rule) for member in select(tmp_path).members}
    assert rules["a"] == ".dockerignore:2  !a"
    assert rules["Dockerfile"] == "always sent  Dockerfile"


def test_an_empty_ignore_file_leaves_nothing_out(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="# nothing\n", _env="A=1", build__x_log="x")
    assert sent(tmp_path, exclude=["build"]) == [".dockerignore", ".env", "Dockerfile", "build/x.log"]


def test_a_dockerfile_in_a_directory_that_is_left_out_is_sent(tmp_path: Path) -> None:
    make(tmp_path, build__docker__Dockerfile="FROM scratch", build__other="x")
    assert sent(tmp_path, dockerfile="build/docker/Dockerfile") == ["Dockerfile", "build/docker/Dockerfile"]
    (tmp_path / ".dockerignore").write_text("build\n")
    assert "build/docker/Dockerfile" in sent(tmp_path, dockerfile="./build/docker/../docker/Dockerfile")


def test_a_dockerfile_that_is_a_link_is_sent_with_all_it_leads_through(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="*\n", real__deep__file="FROM scratch")
    (tmp_path / "Dockerfile").unlink()
    (tmp_path / "Dockerfile").symlink_to("docker/prod")
    (tmp_path / "docker").symlink_to("real/deep")
    (tmp_path / "real" / "deep" / "prod").symlink_to("../deep/file")
    assert sent(tmp_path) == [".dockerignore", "Dockerfile", "docker", "real/deep/file", "real/deep/prod"]
    with pack(tmp_path) as context:
        assert context.dockerfile_text == "FROM scratch"


@pytest.mark.parametrize("absolute", [False, True])
def test_a_dockerfile_that_leads_out_of_the_directory_is_refused(tmp_path: Path, *, absolute: bool) -> None:
    make(tmp_path, in__x="x")
    target = tmp_path / "Dockerfile" if absolute else Path("../Dockerfile")
    (tmp_path / "in" / "Dockerfile").symlink_to(target)
    with pytest.raises(DockerfileNotFound, match="a link that leads out"):
        select(tmp_path / "in")


def test_a_directory_may_be_named_through_a_link(tmp_path: Path) -> None:
    make(tmp_path / "real", a="x")
    link = tmp_path / "link"
    link.symlink_to("real")
    selection = select(link, dockerfile=link / "Dockerfile")
    assert (selection.directory, selection.dockerfile) == ((tmp_path / "real").resolve(), "Dockerfile")


@pytest.mark.parametrize("dockerfile", ["", ".", "docker", "dockerfile", "Dockerfile/x", "a\0b"])
def test_what_is_no_dockerfile(tmp_path: Path, dockerfile: str) -> None:
    make(tmp_path, docker__x="x")
    with pytest.raises(DockerfileNotFound, match="There is Dockerfile, which is taken"):
        select(tmp_path, dockerfile=dockerfile)


@posix
def test_directories_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for directory in (tmp_path / "loop", "a\0b", "~nobody-of-this-name/x"):
        with pytest.raises(DirectoryNotFound):
            select(directory)


@posix
def test_a_directory_that_may_not_be_entered() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make(Path(folder), _dockerignore="closed\n")
        root.chmod(0o755)
        (root / "closed").mkdir(mode=0)
        with as_nobody():
            assert sent(root) == [".dockerignore", "Dockerfile"]
            with pytest.raises(UnreadableFiles, match=r"closed(.|\n)*Permission denied"):
                select(root, dockerfile="closed/Dockerfile")
        (root / ".dockerignore").chmod(0)
        with as_nobody(), pytest.raises(ContextError, match=r"\.dockerignore cannot be read: Permission denied"):
            select(root)


@posix
def test_names_of_every_kind_are_read_back(tmp_path: Path) -> None:
    root = make(tmp_path / "in")
    kinds = [b"latin-\xe9", b"new\nline", b"CASE", b"case", b"tab\t ", "ü☺".encode(), b"back\\slash", b"-x"]
    long = b"/".join([b"d" * 99] * 3 + [b"f" * 60])
    for name in [*kinds, long]:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name)
    (root / "link").symlink_to(os.fsdecode(b"latin-\xe9"))
    with pack(root) as context:
        unpack(context, tmp_path / "out")
        repr(context)
    for name in [*kinds, long]:
        assert (tmp_path / "out" / os.fsdecode(name)).read_bytes() == name
    assert os.fsencode((tmp_path / "out" / "link").readlink()) == b"latin-\xe9"


def unpack(context: BuildContext, folder: Path) -> None:
    """Unpack as the system's own tar does, which is not ours."""
    folder.mkdir()
    subprocess.run(["tar", "-xzf", context.archive, "-C", folder], check=True)


@posix
def test_an_error_can_be_printed_whatever_the_name(tmp_path: Path) -> None:
    make(tmp_path)
    os.mkfifo(tmp_path / os.fsdecode(b"\x1b[31mred\xff"))
    with pytest.raises(UnreadableFiles) as caught:
        select(tmp_path)
    assert "  red\\udcff (a pipe)" in str(caught.value)


@posix
def test_a_links_target_is_sent_as_it_stands(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "link").symlink_to(".//a/../b/")
    assert os.readlink(tmp_path / "link") == ".//a/../b/"  # noqa: PTH115  pathlib tidies up
    (member,) = (member for member in select(tmp_path).members if member.kind == "symlink")
    assert member.target == ".//a/../b/"


@posix
def test_the_hash_does_not_depend_on_the_locale_nor_the_umask(tmp_path: Path) -> None:
    root = make(tmp_path, a="x")
    (root / "ü").write_text("x")
    (root / "ö").symlink_to("ü")
    with pack(root) as context:
        here = context.hash
    code = (
        "import os, sys; os.umask(0o77); from pipecat_nb.context import pack\n"
        "print(sys.getfilesystemencoding(), pack(sys.argv[1]).hash)"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    said = subprocess.run(
        [sys.executable, "-c", code, root], capture_output=True, text=True, check=True, env={**os.environ, **plain}
    )
    assert said.stdout.split()[1] == here


def test_directories_may_be_nested_deeper_than_calls(tmp_path: Path) -> None:
    deep = "/".join("d" * 450)
    make(tmp_path, _dockerignore="*\n!**/keep\n", empty__keep="x")
    (tmp_path / deep).mkdir(parents=True)
    (tmp_path / deep / "keep").write_text("x")
    assert sent(tmp_path)[2:] == [f"{deep}/keep", "empty/keep"]


def test_a_context_says_what_it_read(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="x\n", x="secret")
    with pack(tmp_path) as context:
        assert (context.ignore_file, context.dockerfile_text) == (".dockerignore", "FROM scratch\n")
        with tarfile.open(context.archive) as tar:
            assert tar.getnames() == [member.path for member in context.members] == list(context.manifest)
        json.dumps([entry.digest for entry in context.manifest.values()])


@given(
    st.lists(st.text("ab.*?[]-!/", min_size=1, max_size=5), max_size=3),
    st.text("ab./-", min_size=1, max_size=8).map(os.path.normpath).filter(lambda path: path[0] not in "./"),
)
def test_default_exclusions_ask_of_each_component_and_of_the_whole_path(patterns: list[str], path: str) -> None:
    cleaned = [clean for each in patterns if (clean := each.strip().removeprefix("./").rstrip("/"))]
    steps = [path[: match.start()] for match in re.finditer("/|$", path)]
    expected = any(
        fnmatch.fnmatch(part, pattern)
        for pattern in (*PATTERNS, *cleaned)
        for step in steps
        for part in (step, step.rpartition("/")[2])
    )
    matcher, verdict = DefaultMatcher(patterns), ROOT
    for step in steps:
        verdict = matcher.judge(step, verdict)
    assert verdict.excluded == expected
