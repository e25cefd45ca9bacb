"""Contexts unpacked, and archives that must not be."""

import gzip
import io
import os
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.service.unpack import UnsafeArchive, unpack

from .conftest import pack

LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


def entry(name: str, kind: bytes, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info


def unpacked(tmp_path: Path, archive: bytes, **limits: int) -> Path:
    """The directory into which an archive was unpacked; what lies beside it must stay alone."""
    file, directory = tmp_path / "context.tar.gz", tmp_path / "inside"
    file.write_bytes(archive)
    directory.mkdir()
    try:
        unpack(file, directory, **limits)
    finally:
        assert {path.name for path in tmp_path.iterdir()} == {"context.tar.gz", "inside"}
    return directory


def test_files_directories_and_links_come_out(tmp_path: Path) -> None:
    files = {"Dockerfile": b"FROM scratch", "./a/b/c.txt": b"c", "a//d.txt": b"d"}
    links = [
        entry("a/link", LINK, "../Dockerfile"),
        entry("dangling", LINK, "a/nothing"),
        entry("round", LINK, "round"),
        entry("folder", LINK, "a"),
        entry("hard", HARD, "a/d.txt"),
        entry("empty", tarfile.DIRTYPE, mode=0o755),
    ]
    directory = unpacked(tmp_path, pack(files, *links))
    assert (directory / "a/b/c.txt").read_bytes() == b"c"
    assert (directory / "a/d.txt").read_bytes() == (directory / "hard").read_bytes() == b"d"
    assert (directory / "a/link").readlink() == Path("../Dockerfile")
    assert (directory / "dangling").readlink() == Path("a/nothing")
    assert (directory / "folder").is_symlink()
    assert list((directory / "empty").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_permissions_are_kept(tmp_path: Path) -> None:
    plain = entry("plain", tarfile.REGTYPE, mode=0o640)
    program = entry("program", tarfile.REGTYPE, mode=0o4755)
    closed = entry("closed", tarfile.DIRTYPE, mode=0o500)
    inside = entry("closed/inside", tarfile.REGTYPE, mode=0o444)
    directory = unpacked(tmp_path, pack({}, plain, program, closed, inside))
    modes = {path.name: path.stat().st_mode & 0o7777 for path in directory.rglob("*")}
    assert modes == {"plain": 0o640, "program": 0o755, "closed": 0o700, "inside": 0o644}


def test_the_last_entry_of_a_name_counts(tmp_path: Path) -> None:
    archive = pack({"x": b"first", "./x": b"second"}, entry("y", LINK, "x"), entry("y", tarfile.REGTYPE))
    directory = unpacked(tmp_path, archive)
    assert (directory / "x").read_bytes() == b"second"
    assert (directory / "y").read_bytes() == b""
    assert not (directory / "y").is_symlink()


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([entry("../x", tarfile.REGTYPE)], "leaves it"),
        ([entry("a/../../x", tarfile.REGTYPE)], "leaves it"),
        ([entry("..", tarfile.DIRTYPE)], "leaves it"),
        ([entry("/etc/x", tarfile.REGTYPE)], "absolute"),
        ([entry("C:/x", tarfile.REGTYPE)], "absolute"),
        ([entry("link", LINK, "..")], "link that leaves it"),
        ([entry("link", LINK, "/etc/passwd")], "link that leaves it"),
        ([entry("a/link", LINK, "../../x")], "link that leaves it"),
        ([entry("here", LINK, "."), entry("link", LINK, "here/..")], "link that leaves it"),
        ([entry("one", LINK, "two/.."), entry("two", LINK, ".")], "link that leaves it"),
        ([entry("link", LINK, ".."), entry("link/x", tarfile.REGTYPE)], "behind a link"),
        ([entry("a", tarfile.DIRTYPE), entry("b", LINK, "a"), entry("b/x", tarfile.REGTYPE)], "behind a link"),
        ([entry("link", LINK, ".."), entry("hard", HARD, "link/inside/x")], "behind a link"),
        ([entry("hard", HARD, "../context.tar.gz")], "leaves it"),
        ([entry("hard", HARD, "nothing")], "hard link to nothing"),
        ([entry("link", LINK, "x"), entry("hard", HARD, "link")], "hard link to nothing"),
        ([entry("null", tarfile.CHRTYPE)], "special file"),
        ([entry("disk", tarfile.BLKTYPE)], "special file"),
        ([entry("pipe", tarfile.FIFOTYPE)], "special file"),
        ([entry("x", tarfile.REGTYPE), entry("x/y", tarfile.REGTYPE)], "cannot be unpacked"),
    ],
)  # fmt: skip
def test_hostile_archives_are_refused(tmp_path: Path, members: list[tarfile.TarInfo], reason: str) -> None:
    with pytest.raises(UnsafeArchive, match=reason):
        unpacked(tmp_path, pack({"Dockerfile": b""}, *members))


def test_bombs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="more than"):
        unpacked(tmp_path, pack({"zeros": bytes(100_000)}), max_bytes=50_000)
    (tmp_path / "inside").rmdir()
    with pytest.raises(UnsafeArchive, match="more than"):
        unpacked(tmp_path, pack({str(number): b"" for number in range(20)}), max_entries=10)


def test_a_bomb_behind_the_archive_is_refused(tmp_path: Path) -> None:
    plain = gzip.decompress(pack({"x": b"x"}))
    with pytest.raises(UnsafeArchive, match="more than"):
        unpacked(tmp_path, gzip.compress(plain + bytes(20 * 1024 * 1024)), max_bytes=10_000)


@pytest.mark.parametrize("cut", [0, 1, 5, 20, 60])
def test_damaged_archives_are_refused(tmp_path: Path, cut: int) -> None:
    whole = pack({"Dockerfile": b"FROM scratch", "data": os.urandom(50_000)})
    damaged = whole[: len(whole) // 2] if cut == 0 else whole[:-cut]
    with pytest.raises(UnsafeArchive, match=r"no readable tar\.gz"):
        unpacked(tmp_path, damaged)


def test_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    stored = io.BytesIO()
    with gzip.GzipFile(fileobj=stored, mode="wb", compresslevel=0) as stream:
        stream.write(gzip.decompress(pack({"data": b"A" * 5000})))
    damaged = bytearray(stored.getvalue())
    damaged[damaged.index(b"AAAA") + 100] ^= 1
    with pytest.raises(UnsafeArchive, match=r"no readable tar\.gz"):
        unpacked(tmp_path, bytes(damaged))


_PARTS = st.sampled_from(["a", "b", "c", ".", "..", "", "/", "a/b"])
_NAMES = st.lists(_PARTS, min_size=1, max_size=4).map("/".join).filter(bool)
_ENTRIES = st.builds(entry, _NAMES, st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, LINK, HARD]), _NAMES)


@given(st.lists(_ENTRIES, max_size=8))
def test_nothing_is_ever_written_outside(
    tmp_path_factory: pytest.TempPathFactory, members: list[tarfile.TarInfo]
) -> None:
    tmp_path = tmp_path_factory.mktemp("unpack")
    try:
        directory = unpacked(tmp_path, pack({}, *members))
    except UnsafeArchive:
        return
    for path in directory.rglob("*"):
        assert Path(os.path.realpath(path)).is_relative_to(directory.resolve())
