"""Directories to archives: what is in, what is not, and the same bytes as the official client's."""

import gzip
import hashlib
import io
import os
import random
import socket
import stat
import tarfile
import tempfile
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipecatcloud._utils import build_utils as official

from pipecat_nb.context import BuildContext, Ignored, Member, pack, select
from pipecat_nb.context.archive import head, header, write
from pipecat_nb.context.rule import Rule
from pipecat_nb.errors import (
    ContextError,
    ContextTooLarge,
    DirectoryNotFound,
    DockerfileNotFound,
    InvalidPattern,
    UnreadableFiles,
)
from pipecat_nb.models import CONTEXT_LIMIT

from .trees import as_nobody, make


def names(context: BuildContext) -> list[str]:
    with tarfile.open(context.archive) as tar:
        return tar.getnames()


def test_a_context_is_what_it_says(tmp_path: Path) -> None:
    make(tmp_path, bot_py="print()\n", src__deep__x_txt="x", _env="SECRET=1", __pycache____b_pyc="")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o700)
    with pack(tmp_path) as context:
        data = context.archive.read_bytes()
        assert names(context) == ["Dockerfile", "bot.py", "run.sh", "src/deep/x.txt"]
        assert context.hash == hashlib.md5(data).hexdigest()[:16]
        assert context.archive_size == len(data)
        assert context.size == sum(member.size for member in context.members) == 13 + 8 + 10 + 1
        assert context.manifest["bot.py"].digest == hashlib.sha256(b"print()\n").hexdigest()
        with tarfile.open(context.archive) as tar:
            headers = [(info.mode, info.mtime, info.uid, info.gid, info.uname, info.gname) for info in tar]
        assert headers[1] == (0o644, 0, 0, 0, "", "")
        assert headers[2][0] == 0o755
        path = context.archive
    assert not path.exists()
    assert Ignored(".env", Rule(".env", "default exclusions")) in context.ignored


def test_the_archive_goes_with_its_context(tmp_path: Path) -> None:
    path = pack(make(tmp_path)).archive
    assert not path.exists()


def test_times_owners_and_order_do_not_matter(tmp_path: Path) -> None:
    first = make(tmp_path / "first", a_txt="a", b_txt="b")
    second = make(tmp_path / "second", b_txt="b", a_txt="a")
    os.utime(second / "a.txt", (1, 1))
    (second / "b.txt").chmod(0o600)
    with pack(first) as one, pack(second) as other:
        assert one.hash == other.hash


def test_an_ignore_file_decides_alone(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="*\n!keep\nDockerfile\n", keep__a_log="sent all the same", other="x", _env="A=1")
    with pack(tmp_path, exclude=("keep",)) as context:
        assert names(context) == [".dockerignore", "Dockerfile", "keep/a.log"]
        assert [str(each.rule) for each in context.ignored] == [".dockerignore:1  *"] * 2


def test_the_dockerfiles_own_ignore_file_wins(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="*", a="a", b="b")
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "docker" / "Dockerfile.dockerignore").write_text("docker\nb\n.dockerignore\n")
    with pack(tmp_path, dockerfile=str(tmp_path / "docker" / "Dockerfile")) as context:
        assert context.dockerfile == "docker/Dockerfile"
        assert names(context) == ["Dockerfile", "a", "docker/Dockerfile", "docker/Dockerfile.dockerignore"]


def test_links_stay_links_and_empty_directories_stay(tmp_path: Path) -> None:
    make(tmp_path / "in", _dockerignore="emptied/*", a="a", emptied__x="x")
    make(tmp_path / "out", secret="not to be sent")
    (tmp_path / "in" / "empty").mkdir()
    for link, target in {"link": "a", "dangling": "nowhere", "outside": "../out", "loop": "."}.items():
        (tmp_path / "in" / link).symlink_to(target)
    with pack(tmp_path / "in") as context, tarfile.open(context.archive) as tar:
        links = {info.name: info.linkname for info in tar if info.issym()}
        assert links == {"link": "a", "dangling": "nowhere", "outside": "../out", "loop": "."}
        assert [info.name for info in tar if info.isdir()] == ["emptied", "empty"]
        assert not any("secret" in name for name in tar.getnames())


def test_what_cannot_be_sent_is_named_at_once(tmp_path: Path) -> None:
    make(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "sock"))
        with pytest.raises(UnreadableFiles, match=r"2 paths(.|\n)*pipe \(a pipe\)(.|\n)*sock \(a socket\)"):
            select(tmp_path)
    (tmp_path / ".dockerignore").write_text("pipe\nsock\n")
    assert [member.path for member in select(tmp_path).members] == [".dockerignore", "Dockerfile"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_what_may_not_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make(Path(folder), closed="x", open="y")
        root.chmod(0o755)
        (root / "closed").chmod(0)
        with as_nobody(), pytest.raises(UnreadableFiles, match=r"1 path(.|\n)*closed \(no permission"):
            pack(root)
        (root / "shut").mkdir(mode=0)
        with as_nobody(), pytest.raises(UnreadableFiles, match=r"shut/ \(Permission denied\)"):
            select(root)


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path: Path) -> None:
    make(tmp_path, b="x" * 100, c="y" * 100, d="z")

    def change(done: int, _: int) -> None:
        if done == 1:
            (tmp_path / "b").write_text("short")

    with pytest.raises(ContextError, match="b shrank"):
        pack(tmp_path, progress=change)

    def grow(done: int, _: int) -> None:
        if done == 1:
            (tmp_path / "b").write_text("x" * 200)

    with pytest.raises(ContextError, match="b grew"):
        pack(tmp_path, progress=grow)

    def remove(done: int, _: int) -> None:
        if done == 1:
            (tmp_path / "b").unlink()

    with pytest.raises(ContextError, match="b disappeared"):
        pack(tmp_path, progress=remove)


@pytest.mark.skipif(os.name == "nt", reason="needs pipes and links")
def test_a_file_that_becomes_something_else_is_an_error(tmp_path: Path) -> None:
    make(tmp_path, b="x")

    def pipe(done: int, _: int) -> None:
        if done == 1:
            (tmp_path / "b").unlink()
            os.mkfifo(tmp_path / "b")

    with pytest.raises(ContextError, match="b was replaced"):
        pack(tmp_path, progress=pipe)
    (tmp_path / "b").unlink()
    (tmp_path / "b").write_text("x")

    def link(done: int, _: int) -> None:
        if done == 1:
            (tmp_path / "b").unlink()
            (tmp_path / "b").symlink_to("Dockerfile")

    with pytest.raises(ContextError, match="b cannot be read"):
        pack(tmp_path, progress=link)


@pytest.mark.skipif(os.name == "nt", reason="an open file is not replaced there")
def test_a_file_that_is_replaced_by_another_of_its_size_is_an_error(tmp_path: Path) -> None:
    make(tmp_path / "agent", b="x")

    def replace(done: int, _: int) -> None:
        if done == 1:
            (tmp_path / "other").write_text("y")
            (tmp_path / "other").replace(tmp_path / "agent" / "b")

    with pytest.raises(ContextError, match="b was replaced"):
        pack(tmp_path / "agent", progress=replace)


def test_a_file_that_is_written_to_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "b").write_bytes(os.urandom(8 * 2**20))
    ended = threading.Event()

    def scribble() -> None:
        with (tmp_path / "b").open("r+b", buffering=0) as file:
            while not ended.wait(0.005):
                file.seek(0)
                file.write(b"x")

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        with pytest.raises(ContextError, match="b was written to while it was packed"):
            pack(tmp_path)
    finally:
        ended.set()
        writer.join()


def test_an_archive_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    if (full := Path("/dev/full")).exists():
        with full.open("wb", buffering=0) as file, pytest.raises(ContextError, match="No space left"):
            write(select(tmp_path), file, limit=CONTEXT_LIMIT)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(ContextError, match=r"no place for the archive(.|\n)*TMPDIR"):
        pack(tmp_path)


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "agent")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))

    def interrupt(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path / "agent", progress=interrupt)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_nothing_is_left_behind_by_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "agent", a="x")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    with pytest.raises(ContextTooLarge):
        pack(tmp_path / "agent", limit=10)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_context_above_the_limit_names_its_largest(tmp_path: Path) -> None:
    make(tmp_path, small="x")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "weights.bin").write_bytes(os.urandom(300_000))
    with pytest.raises(ContextTooLarge, match=r"models/(.|\n)*\.dockerignore"):
        pack(tmp_path, limit=200_000)


@pytest.mark.skipif(os.name == "nt", reason="needs sparse files")
def test_a_context_that_no_compression_helps_is_refused_unread(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="")
    with (tmp_path / "zeros.bin").open("wb") as file:
        file.truncate(2000 * 10_000)
    read: list[int] = []
    with pytest.raises(ContextTooLarge, match=r"zeros\.bin"):
        pack(tmp_path, limit=10_000, progress=lambda done, _: read.append(done))
    assert read == []


@pytest.mark.skipif(os.name == "nt", reason="needs sparse files")
def test_memory_stays_constant(tmp_path: Path) -> None:
    make(tmp_path)
    with (tmp_path / "zeros.bin").open("wb") as file:
        file.truncate(64 * 2**20)
    tracemalloc.start()
    try:
        with pack(tmp_path) as context:
            assert context.size > 64 * 2**20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 * 2**20


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "deploy/Dockerfile", "empty/Dockerfile"])
def test_a_dockerfile_that_is_not_in_the_directory(tmp_path: Path, dockerfile: str) -> None:
    make(tmp_path / "a", bot_py="x", Dockerfile="FROM other\n")
    (tmp_path / "a" / "empty").mkdir()
    text = "FROM scratch\nCOPY bot.py /\n"
    with pack(tmp_path / "a", dockerfile=dockerfile, dockerfile_text=text) as overlaid:
        assert overlaid.dockerfile_text == text
        with tarfile.open(overlaid.archive) as tar:
            content = tar.extractfile(dockerfile)
            assert content is not None
            assert content.read().decode() == text
            assert tar.getnames() == sorted(tar.getnames())
    (tmp_path / "a" / dockerfile).parent.mkdir(exist_ok=True)
    (tmp_path / "a" / dockerfile).write_text(text)
    with pack(tmp_path / "a", dockerfile=dockerfile) as written:
        assert written.hash == overlaid.hash
        assert written.manifest == overlaid.manifest


@pytest.mark.skipif(os.name == "nt", reason="needs links")
@pytest.mark.parametrize(
    ("dockerfile", "said"),
    [
        (".", "is a directory"),
        ("src", "src is a directory"),
        ("bot.py/Dockerfile", r"bot\.py is no directory"),
        ("out/Dockerfile", "out is no directory"),
        ("link/deep/Dockerfile", "link is no directory"),
        ("../Dockerfile", "outside"),
        ("x" * 300, "too long"),
        ("x\0", "no Dockerfile"),
    ],
)
def test_where_no_dockerfile_can_be(tmp_path: Path, dockerfile: str, said: str) -> None:
    make(tmp_path / "a", bot_py="x", src__b_py="x")
    (tmp_path / "a" / "link").symlink_to("src")
    (tmp_path / "a" / "out").symlink_to("/tmp")
    with pytest.raises(DockerfileNotFound, match=said):
        select(tmp_path / "a", dockerfile=dockerfile, dockerfile_text="FROM scratch\n")


def test_a_header_holds_more_than_8_gib() -> None:
    size = 9 * 2**30
    block = header(Member("models/large.bin", "file", size)).tobuf(tarfile.PAX_FORMAT)
    with tarfile.open(fileobj=io.BytesIO(block)) as tar:
        (info,) = [tar.next()]
    assert info is not None
    assert (info.name, info.size) == ("models/large.bin", size)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=110),
    st.integers(0, 2**40),
    st.sampled_from([0o644, 0o755]),
)
def test_a_header_is_tarfiles(path: str, size: int, mode: int) -> None:
    member = Member(path, "file", size, mode)
    assert head(member) == header(member).tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


@pytest.mark.skipif(os.name == "nt", reason="needs sparse files")
def test_a_sparse_file_of_more_than_8_gib_is_packed_whole(tmp_path: Path) -> None:
    size = 8 * 2**30 + 1
    make(tmp_path)
    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(size)
    with pack(tmp_path, encoder="parallel") as context:
        assert context.manifest["model.bin"].size == context.size - 13 == size
        with tarfile.open(context.archive, "r|gz") as tar:
            assert [(info.name, info.size) for info in (tar.next(), tar.next()) if info] == [
                ("Dockerfile", 13),
                ("model.bin", size),
            ]


@pytest.mark.skipif(os.name == "nt", reason="needs sparse files")
def test_a_context_above_500_mb_before_compression_warns(tmp_path: Path) -> None:
    make(tmp_path)
    with (tmp_path / "zeros.bin").open("wb") as file:
        file.truncate(501 * 2**20)
    (warning,) = select(tmp_path).warnings
    assert "501 MB before compression" in warning


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(DirectoryNotFound, match="does not exist"):
        select(tmp_path / "absent")
    make(tmp_path / "a", docker__Dockerfile="FROM scratch")
    with pytest.raises(DirectoryNotFound, match="not a directory"):
        select(tmp_path / "a" / "Dockerfile")
    (tmp_path / "a" / "Dockerfile").unlink()
    with pytest.raises(DockerfileNotFound, match="There is docker/Dockerfile: name it with --dockerfile"):
        select(tmp_path / "a")
    with pytest.raises(DockerfileNotFound, match="outside"):
        select(tmp_path / "a", dockerfile="../Dockerfile")
    make(tmp_path / "b", _dockerignore="ok\n[\n")
    with pytest.raises(InvalidPattern, match=r"\.dockerignore:2"):
        select(tmp_path / "b")


def official_archive(root: Path, *, dockerfile: str = "Dockerfile", extra: list[str] | None = None) -> bytes:
    exclusions = official.get_exclusions(root, extra)
    return official.create_deterministic_tarball(str(root), exclusions, dockerfile).tarball


def test_byte_for_byte_the_official_archive_of_large_files(tmp_path: Path) -> None:
    make(tmp_path)
    chance = random.Random(7)
    words = [chance.randbytes(chance.randint(2, 9)) for _ in range(500)]
    (tmp_path / "random").write_bytes(chance.randbytes(700_000))
    (tmp_path / "text").write_bytes(b" ".join(chance.choices(words, k=200_000)))
    (tmp_path / "zeros").write_bytes(bytes(1_500_000))
    with pack(tmp_path) as context:
        assert context.archive.read_bytes() == official_archive(tmp_path)


NAME = st.one_of(
    st.sampled_from(
        [
            "a",
            "b.py",
            "A",
            "data",
            "env",
            "x.log",
            ".env",
            ".env.local",
            "build",
            "node_modules",
            "é",
            "z z",
            "\udcff",
        ]
    ),
    st.text("abcXYZ09-_.", min_size=1, max_size=8).filter(lambda name: name not in (".", "..", ".dockerignore")),
    st.just("n" * 120),
)
PATHS = st.lists(NAME, min_size=1, max_size=4).map("/".join)
CONTENT = st.one_of(st.binary(max_size=200), st.binary(min_size=1, max_size=3).map(lambda piece: piece * 50_000))
TREES = st.dictionaries(PATHS, st.tuples(CONTENT, st.integers(0o400, 0o777)), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=TREES, extra=st.lists(st.sampled_from(["data", "./a/", "*.py", "b*"]), max_size=2))
def test_byte_for_byte_the_official_archive(tree: dict[str, tuple[bytes, int]], extra: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make(Path(folder))
        for name, (content, mode) in tree.items():
            path = root / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            except OSError:  # a name that is a file here and a directory there
                continue
            path.chmod(mode)
        if not (root / "Dockerfile").is_file():
            return
        with pack(root, exclude=tuple(extra)) as context:
            ours = context.archive.read_bytes()
        theirs = official_archive(root, extra=extra)
        assert gzip.decompress(ours) == gzip.decompress(theirs)
        assert ours == theirs


def test_the_archive_is_read_back_as_it_was(tmp_path: Path) -> None:
    make(tmp_path, a="content")
    long = tmp_path / ("d" * 100) / ("e" * 100) / ("f" * 100)
    long.mkdir(parents=True)
    (long / "ü.txt").write_text("deep")
    with pack(tmp_path) as context, tarfile.open(fileobj=io.BytesIO(context.archive.read_bytes())) as tar:
        # Early releases of Python 3.11 know no filters.
        safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(tmp_path / "out", **safely)
    assert (tmp_path / "out" / long.relative_to(tmp_path) / "ü.txt").read_text() == "deep"
    assert stat.S_IMODE((tmp_path / "out" / "a").stat().st_mode) == 0o644
