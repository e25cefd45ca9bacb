"""The stat cache: an unchanged directory is known without being read, and a changed one never is."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipecat_nb import context, paths
from pipecat_nb.context import BuildContext, EncoderChoice
from pipecat_nb.context.statcache import GRANULARITY, MOST, StatCache
from pipecat_nb.errors import ContextError, ContextTooLarge

from .trees import make


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    """A cache that trusts files written just now: no test waits for the clock, and none writes twice in a tick."""
    return StatCache(tmp_path / "cache", granularity=0)


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    return settled(make(tmp_path / "agent", bot_py="print()\n", src__deep__x_txt="x"))


def settled(root: Path) -> Path:
    """The directory, once the clock of the file system has gone on."""
    changed = max(path.lstat().st_ctime_ns for path in root.rglob("*"))
    while time.time_ns() <= changed:
        pass
    return root


def pack(agent: Path, cache: StatCache, *, encoder: EncoderChoice = "auto", limit: int = 10**6) -> BuildContext:
    return context.pack(agent, statcache=cache, encoder=encoder, limit=limit)


def written_at_once(packed: BuildContext) -> bool:
    """Whether the directory was packed, rather than known."""
    return packed._archive._path is not None


def test_an_unchanged_directory_is_known_and_its_archive_is_written_when_it_is_needed(
    agent: Path, cache: StatCache
) -> None:
    with pack(agent, cache) as first:
        assert written_at_once(first)
        content = first.archive.read_bytes()
    with pack(agent, cache) as again:
        assert not written_at_once(again)
        assert (again.hash, again.archive_size) == (first.hash, first.archive_size)
        assert again.manifest == first.manifest
        assert again.archive.read_bytes() == content
        path = again.archive
    assert not path.exists()


def test_a_dockerfile_that_is_not_in_the_directory_is_part_of_what_is_known(agent: Path, cache: StatCache) -> None:
    hashes = []
    for text in ("FROM a\n", "FROM b\n", "FROM a\n", "FROM a\n"):
        with context.pack(agent, statcache=cache, dockerfile_text=text) as packed:
            hashes.append((packed.hash, written_at_once(packed)))
    assert hashes[0][0] == hashes[2][0] != hashes[1][0]
    assert [written for _, written in hashes] == [True, True, True, False]


def test_each_encoder_is_remembered_by_itself(agent: Path, cache: StatCache) -> None:
    for encoder in ("identical", "parallel"):
        with pack(agent, cache, encoder=encoder) as first:
            assert written_at_once(first)
    for encoder in ("identical", "parallel"):
        with pack(agent, cache, encoder=encoder) as again:
            assert not written_at_once(again)
            assert again.encoder == encoder


def _same_size_and_time(root: Path) -> None:
    path = root / "bot.py"
    before = path.stat()
    path.write_text("pause()\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replaced(root: Path) -> None:
    before = (root / "bot.py").stat()
    other = root.parent / "other"
    other.write_text("pause()\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(root / "bot.py")


CHANGES: dict[str, Callable[[Path], object]] = {
    "same size and time": _same_size_and_time,
    "replaced": _replaced,
    "executable": lambda root: (root / "bot.py").chmod(0o755),
    "added": lambda root: (root / "new.py").write_text(""),
    "removed": lambda root: (root / "bot.py").unlink(),
    "renamed": lambda root: (root / "bot.py").rename(root / "run.py"),
    "an empty directory": lambda root: (root / "empty").mkdir(),
    "a link": lambda root: (root / "link").symlink_to("bot.py"),
    "an ignore file": lambda root: (root / ".dockerignore").write_text("src\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_changed_directory_is_packed_again(
    agent: Path, cache: StatCache, change: Callable[[Path], object]
) -> None:
    with pack(agent, cache) as first:
        pass
    change(agent)
    settled(agent)
    with pack(agent, cache) as again, context.pack(agent, no_cache=True) as truth:
        assert written_at_once(again)
        assert again.manifest == truth.manifest != first.manifest


def test_files_written_within_the_clocks_granularity_are_not_trusted(agent: Path, tmp_path: Path) -> None:
    cache = StatCache(tmp_path / "cache")
    for _ in range(2):
        with pack(agent, cache) as packed:
            assert written_at_once(packed)
    assert time.time_ns() - agent.stat().st_mtime_ns < GRANULARITY, "this machine is too slow for this test"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", [b"", b"\n", b"\xff\x00", b'{"hash": 1}', b"null\nnull\nnull"])
def test_a_damaged_cache_is_made_again_in_silence(
    agent: Path, cache: StatCache, tmp_path: Path, damage: bytes
) -> None:
    with pack(agent, cache) as first:
        pass
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(damage)
    with pack(agent, cache) as second:
        assert written_at_once(second)
        assert second.hash == first.hash
    with pack(agent, cache) as third:
        assert not written_at_once(third)


def test_a_flipped_bit_is_seen(agent: Path, cache: StatCache, tmp_path: Path) -> None:
    with pack(agent, cache) as first:
        pass
    (file,) = (tmp_path / "cache").iterdir()
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pack(agent, cache) as again:
            assert written_at_once(again)
            assert again.hash == first.hash


def test_a_cache_that_cannot_be_written_is_none(agent: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = StatCache(tmp_path / "file" / "cache", granularity=0)
    for _ in range(2):
        with pack(agent, cache) as packed:
            assert written_at_once(packed)


def test_a_directory_that_changes_before_its_archive_is_written_is_an_error(
    agent: Path, cache: StatCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pack(agent, cache):
        pass
    with pack(agent, cache) as known:
        (agent / "bot.py").write_text("pause()\n")
        with pytest.raises(ContextError, match="changed while it was packed"):
            _ = known.archive
    assert not list(tmp_path.glob("context-*"))
    assert not list((tmp_path / "cache").iterdir())


def test_a_remembered_archive_above_the_limit_is_refused(agent: Path, cache: StatCache) -> None:
    with pack(agent, cache) as packed:
        size = packed.archive_size
    with pytest.raises(ContextTooLarge):
        pack(agent, cache, limit=size - 1)


def test_no_cache_makes_another_hash_of_the_same_content_each_time(agent: Path, cache: StatCache) -> None:
    for encoder in ("identical", "parallel"):
        with pack(agent, cache, encoder=encoder) as usual:
            hashes = {usual.hash}
        for _ in range(2):
            with context.pack(agent, statcache=cache, encoder=encoder, no_cache=True) as packed:
                assert packed.manifest == usual.manifest
                assert packed.archive_size == usual.archive_size
                hashes.add(packed.hash)
        assert len(hashes) == 3
        with pack(agent, cache, encoder=encoder) as again:
            assert again.hash == usual.hash


def test_the_cache_does_not_grow_for_ever(agent: Path, cache: StatCache, tmp_path: Path) -> None:
    with pack(agent, cache):
        pass
    for number in range(MOST + 5):
        (tmp_path / "cache" / f"{number}.json").write_text("")
        os.utime(tmp_path / "cache" / f"{number}.json", (number, number))
    with pack(make(tmp_path / "other"), cache):
        pass
    left = {path.name for path in (tmp_path / "cache").iterdir()}
    assert len(left) == MOST
    assert "0.json" not in left
    with pack(agent, cache) as known:
        assert not written_at_once(known)


def test_the_cache_lies_in_the_users_cache_directory(
    agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPECAT_NB_STATE", str(tmp_path / "state"))
    past = time.time() - 10
    for path in agent.rglob("*"):
        os.utime(path, (past, past))
    with context.pack(agent, statcache=StatCache(granularity=0)) as packed:
        pass
    (file,) = (paths.cache_dir() / "contexts").iterdir()
    assert paths.cache_dir() == tmp_path / "state" / "cache"
    assert json.loads(file.read_bytes().splitlines()[1])[1] == packed.hash
