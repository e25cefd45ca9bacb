"""Contexts unpacked, and archives that must not be."""

import gzip
import io
import os
import sys
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.service.unpack import UnsafeArchive, unpack

from .conftest import holes, pack

LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


def entry(name: str, kind: bytes, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info


def go_on() -> None:
    """The check of an unpacking that nobody stops."""


def unpacked(tmp_path: Path, archive: bytes, check: Callable[[], None] = go_on, **limits: int) -> Path:
    """The directory into which an archive was unpacked; what lies beside it must stay alone."""
    file, directory = tmp_path / "context.tar.gz", tmp_path / "inside"
    file.write_bytes(archive)
    directory.mkdir()
    try:
        unpack(file, directory, check=check, **limits)
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


def tar_header(name: str, kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.USTAR_FORMAT)


def with_pax(name: str, kind: bytes, headers: dict[str, str]) -> tarfile.TarInfo:
    info = entry(name, kind)
    info.pax_headers = headers
    return info


@pytest.mark.parametrize("field", ["GNU.sparse.size", "GNU.sparse.realsize"])
def test_a_negative_size_does_not_raise_the_limit(tmp_path: Path, field: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(with_pax("d", tarfile.DIRTYPE, {field: str(-(10**15))}))
        large = entry("large", tarfile.REGTYPE)
        large.size = 200_000
        tar.addfile(large, io.BytesIO(bytes(large.size)))
    with pytest.raises(UnsafeArchive, match="negative size"):
        unpacked(tmp_path, packed.getvalue(), max_bytes=100_000)
    assert not (tmp_path / "inside" / "large").exists()


def test_holes_count_as_what_they_unpack_to(tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="more than"):
        unpacked(tmp_path, pack({}, holes("holes", 200_000)), max_bytes=100_000)
    (tmp_path / "inside").rename(tmp_path.with_name("fits"))
    assert (unpacked(tmp_path, pack({}, holes("holes", 200_000))) / "holes").read_bytes() == bytes(200_000)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_is_not_held_in_memory_whatever_its_size(tmp_path: Path, kind: bytes) -> None:
    size = 64 * 1024 * 1024
    archive = gzip.compress(tar_header("x", kind, size) + bytes(size) + tar_header("f", tarfile.REGTYPE, 0), 1)
    tracemalloc.start()
    try:
        with pytest.raises(UnsafeArchive, match="header is too large"):
            unpacked(tmp_path, archive)
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_headers_without_an_entry_are_refused(tmp_path: Path) -> None:
    header = tar_header("x", tarfile.XHDTYPE, 512) + b"9 a=bcde\n".ljust(512, b"\0")
    with pytest.raises(UnsafeArchive):
        unpacked(tmp_path, gzip.compress(header * 900))


def test_a_global_header_does_not_grow_without_end(tmp_path: Path) -> None:
    fields = b"".join(b"13 k%04d=bcd\n" % number for number in range(200)).ljust(3072, b"\0")
    archive = tar_header("x", tarfile.XGLTYPE, len(fields)) + fields + tar_header("f", tarfile.REGTYPE, 0)
    with pytest.raises(UnsafeArchive, match="global header"):
        unpacked(tmp_path, gzip.compress(archive))


def test_entries_do_not_pile_up_in_memory(tmp_path: Path) -> None:
    archive = gzip.compress(tar_header("d", tarfile.DIRTYPE, 0) * 5000 + bytes(1024), 1)
    tracemalloc.start()
    try:
        unpacked(tmp_path, archive)
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_paths_that_are_too_deep_are_refused(tmp_path: Path) -> None:
    unpacked(tmp_path, pack({"/".join("a" * 200): b""}))
    (tmp_path / "inside").rename(tmp_path.with_name("deep"))
    with pytest.raises(UnsafeArchive, match="deeper than 200"):
        unpacked(tmp_path, pack({"/".join("a" * 201): b""}))


@pytest.mark.parametrize("stopped_at", range(5))
def test_unpacking_can_be_stopped_at_any_entry_and_within_one(tmp_path: Path, stopped_at: int) -> None:
    class Stop(Exception):
        pass

    calls = iter(range(stopped_at + 1))

    def check() -> None:
        if next(calls) == stopped_at:
            raise Stop

    with pytest.raises(Stop):
        unpacked(tmp_path, pack({"small": b"x", "large": bytes(2 * 1024 * 1024)}), check)


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
