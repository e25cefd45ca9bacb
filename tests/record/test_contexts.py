"""What was sent is kept, within bounds, and a record of the first release is brought up to date."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipecat_nb.context import BuildContext, pack
from pipecat_nb.record import Contexts, Record, Start
from pipecat_nb.record import contexts as module
from pipecat_nb.record.contexts import LARGEST_TEXT, TEXTS
from pipecat_nb.record.database import Database


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    root = tmp_path / "agent"
    root.mkdir()
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / "bot.py").write_text("print()\n")
    return root


@pytest.fixture
def contexts(tmp_path: Path) -> Contexts:
    return Contexts(Database(tmp_path / "record.sqlite3"))


@pytest.fixture
def packed(agent: Path) -> Iterator[BuildContext]:
    with pack(agent) as packed:
        yield packed


def test_what_was_sent_is_known(contexts: Contexts, packed: BuildContext) -> None:
    contexts.keep(packed)
    contexts.keep(packed)
    assert contexts.manifest(packed.hash) == packed.manifest
    assert contexts.encoder(packed.hash) == "identical"
    assert contexts.text(packed.manifest["bot.py"].digest) == "print()\n"
    assert contexts.manifest("0" * 16) is None
    assert contexts.encoder("0" * 16) == ""
    assert contexts.text("0" * 64) is None


def test_a_text_is_only_kept_if_it_is_what_was_sent(contexts: Contexts, packed: BuildContext, agent: Path) -> None:
    (agent / "bot.py").write_text("written since\n")
    (agent / "Dockerfile").unlink()
    contexts.keep(packed)
    assert contexts.manifest(packed.hash) == packed.manifest
    assert contexts.text(packed.manifest["bot.py"].digest) is None
    # That of the Dockerfile is at hand, which need not be in the directory.
    assert contexts.text(packed.manifest["Dockerfile"].digest) == "FROM scratch\n"


def test_a_text_that_is_a_secrets_is_kept_under_no_name(contexts: Contexts, agent: Path) -> None:
    key = f"API_KEY = '{'aB3dE6gH9j' * 4}'\n"
    for name in ("a.py", "fake_a.py"):  # the second is not believed
        (agent / name).write_text(key)
    (agent / ".dockerignore").write_text("")
    (agent / ".env.production").write_text("KEY=changeme\n")
    with pack(agent) as packed:
        assert [finding.path for finding in packed.secrets] == ["a.py"]
        contexts.keep(packed)
        for name in ("a.py", "fake_a.py", ".env.production"):
            assert contexts.text(packed.manifest[name].digest) is None


def test_the_record_is_its_owners(contexts: Contexts, packed: BuildContext, tmp_path: Path) -> None:
    contexts.keep(packed)
    assert (tmp_path / "record.sqlite3").stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_what_is_damaged_is_not_known(contexts: Contexts, packed: BuildContext, tmp_path: Path) -> None:
    contexts.keep(packed)
    with closing(sqlite3.connect(tmp_path / "record.sqlite3")) as database, database:
        database.execute("UPDATE contexts SET manifest = x'00'")
    with pytest.warns(UserWarning, match="cannot be used"):
        assert contexts.manifest(packed.hash) is None


def test_many_processes_begin_a_record_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('error'); from pathlib import Path; "
        "from pipecat_nb.record import Record, Start; input(); "
        "Record('here', path=Path(sys.argv[1])).add(Start(id=sys.argv[2], cached=False, directory='/a'))"
    )
    path = tmp_path / "record.sqlite3"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(number)], stdin=subprocess.PIPE)
        for number in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
    assert [process.wait(60) for process in processes] == [0] * 6
    assert sorted(Record("here", path=path).recent()) == [str(number) for number in range(6)]


def test_neither_large_files_nor_data_nor_secrets_are_kept(contexts: Contexts, agent: Path) -> None:
    (agent / ".dockerignore").write_text("")
    (agent / "large.txt").write_text("x" * (LARGEST_TEXT + 1))
    (agent / "image.png").write_bytes(b"\x89PNG\0\1")
    (agent / ".env").write_text("KEY=abc\n")
    with pack(agent) as packed:
        contexts.keep(packed)
        known = [path for path, entry in packed.manifest.items() if contexts.text(entry.digest) is not None]
    assert known == ["Dockerfile", "bot.py"]


def test_of_many_texts_the_dockerfile_and_the_small_ones_are_kept(contexts: Contexts, agent: Path) -> None:
    for number in range(TEXTS // LARGEST_TEXT):
        (agent / f"{number:03}.txt").write_text(f"{number:03}" + "x" * (LARGEST_TEXT - 3))
    (agent / "Dockerfile").write_text("#" * LARGEST_TEXT)
    with pack(agent) as packed:
        contexts.keep(packed)
        known = [path for path, entry in packed.manifest.items() if contexts.text(entry.digest) is not None]
    assert {"Dockerfile", "bot.py", "000.txt"} <= set(known)
    assert len(known) == TEXTS // LARGEST_TEXT


def test_the_hashes_of_a_content_the_latest_first(contexts: Contexts, agent: Path) -> None:
    with (
        pack(agent) as identical,
        pack(agent, encoder="parallel") as parallel,
        pack(agent, no_cache=True) as anew,
    ):
        assert contexts.hashes(parallel) == [parallel.hash]
        contexts.keep(identical)
        assert contexts.hashes(parallel) == [parallel.hash, identical.hash]
        contexts.keep(anew)
        assert contexts.hashes(identical) == [anew.hash, identical.hash]
        for _ in range(5):
            with pack(agent, no_cache=True) as latest:
                contexts.keep(latest)
        assert contexts.hashes(identical)[:2] == [latest.hash, identical.hash]


def test_the_oldest_go_with_their_texts(contexts: Contexts, agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    kept = []
    for text in ("one", "two", "three"):
        (agent / "bot.py").write_text(text)
        with pack(agent) as packed:
            contexts.keep(packed)
            kept.append(packed)
    assert [contexts.manifest(each.hash) is not None for each in kept] == [False, True, True]
    assert [contexts.text(each.manifest["bot.py"].digest) for each in kept] == [None, "two", "three"]
    assert contexts.text(kept[0].manifest["Dockerfile"].digest) == "FROM scratch\n"


def test_a_record_of_the_first_release(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE starts (number INTEGER PRIMARY KEY, target TEXT NOT NULL, started_at TEXT NOT NULL, "
            "id TEXT NOT NULL, cached INTEGER NOT NULL, directory TEXT NOT NULL, name TEXT NOT NULL, "
            "note TEXT NOT NULL, files INTEGER, pack_time REAL, upload_time REAL, git_commit TEXT, "
            "git_branch TEXT, git_dirty INTEGER)"
        )
        database.execute(
            "INSERT INTO starts VALUES (1, 'here', '2026-03-01T12:00:00+00:00', 'a', 0, '/agent', 'agent', 'old', "
            "3, 0.5, 1.5, 'c0ffee', 'main', 0)"
        )
    record = Record("here", path=path)
    made = record.made("a")
    assert made is not None
    assert (made.note, made.context_hash, made.commit.git_commit, made.number) == ("old", "", "c0ffee", 1)
    record.add(Start(id="b", cached=False, directory="/agent", context_hash="f" * 16))
    made = record.made("b")
    assert made is not None
    before = record.before(made)
    assert before is not None
    assert (before.id, made.context_hash) == ("a", "f" * 16)
