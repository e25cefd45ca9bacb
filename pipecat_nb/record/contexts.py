"""What was sent with each build: manifests, and the text of small files, so that two can be compared later."""

import sqlite3
import zlib
from collections.abc import Iterator
from hashlib import sha256

from pipecat_nb.context import BuildContext
from pipecat_nb.context.manifest import Manifest, content_of, dump, load
from pipecat_nb.context.names import to_local
from pipecat_nb.context.secrets import is_environment
from pipecat_nb.record.database import Database

#: Contexts that are kept; those sent longest ago go first, with the texts that no newer one holds.
MOST = 200

#: Bytes of the largest text that is kept, and of all that are kept of one context.
LARGEST_TEXT, TEXTS = 64 * 1024, 4 * 2**20


class Contexts:
    """The contexts that were sent from this machine, by their hash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, packed: BuildContext) -> None:
        """Keep a context's manifest, and the text of its small files that hold no secret."""
        known = self._database.rows(
            "SELECT (SELECT max(number) FROM contexts) - number AS behind FROM contexts WHERE hash = :hash",
            {"hash": packed.hash},
        )
        if known and known[0]["behind"] < MOST // 2:
            return
        row = {
            "hash": packed.hash,
            "content": content_of(packed.manifest),
            "encoder": packed.encoder,
            "manifest": zlib.compress(dump(packed.manifest), 1),
        }

        def insert(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM contexts WHERE hash = :hash", row)
            inserted = database.execute(
                "INSERT INTO contexts (hash, content, encoder, manifest) "
                "VALUES (:hash, :content, :encoder, :manifest)",
                row,
            )
            assert inserted.lastrowid is not None
            _keep_texts(database, packed, inserted.lastrowid)
            database.execute("DELETE FROM contexts WHERE number <= (SELECT max(number) FROM contexts) - ?", [MOST])
            database.execute("DELETE FROM texts WHERE used < (SELECT min(number) FROM contexts)")

        self._database.transaction(insert, None)

    def manifest(self, context_hash: str) -> Manifest | None:
        """What was sent under a hash; None where it is not known."""

        def read(database: sqlite3.Connection) -> Manifest | None:
            row = database.execute("SELECT manifest FROM contexts WHERE hash = ?", [context_hash]).fetchone()
            return load(zlib.decompress(row["manifest"])) if row else None

        return self._database.transaction(read, None)

    def encoder(self, context_hash: str) -> str:
        """The encoder that a context was packed by; empty where it is not known."""
        rows = self._database.rows("SELECT encoder FROM contexts WHERE hash = :hash", {"hash": context_hash})
        return str(rows[0]["encoder"]) if rows else ""

    def file_text(self, context_hash: str, path: str) -> str | None:
        """The text of one file that was sent under a hash, such as its Dockerfile; None where it is not known."""
        entry = (self.manifest(context_hash) or {}).get(path)
        return self.text(entry.digest) if entry is not None else None

    def text(self, digest: str) -> str | None:
        """The text of a file that was sent; None where it was too large, no text, or is not known."""

        def read(database: sqlite3.Connection) -> str | None:
            row = database.execute("SELECT text FROM texts WHERE digest = ?", [digest]).fetchone()
            return zlib.decompress(row["text"]).decode("utf-8", "replace") if row else None

        return self._database.transaction(read, None)

    def hashes(self, packed: BuildContext) -> list[str]:
        """The hashes under which a context's content was sent: the latest, its own, and then the others.

        The latest may be of a build that was wanted anew. An own one that was never sent from here stands first.
        """
        query = "SELECT hash FROM contexts WHERE content = {} ORDER BY number DESC"
        own = query.format("(SELECT content FROM contexts WHERE hash = :hash)")
        rows = self._database.rows(own, {"hash": packed.hash})
        if rows:
            latest, *others = [str(row["hash"]) for row in rows]
            return list(dict.fromkeys([latest, packed.hash, *others]))
        # Only now: what it holds takes longer to read than an unchanged directory to be known.
        rows = self._database.rows(query.format(":content"), {"content": content_of(packed.manifest)})
        return [packed.hash, *(str(row["hash"]) for row in rows)]


def _keep_texts(database: sqlite3.Connection, packed: BuildContext, number: int) -> None:
    for digest, path in _small_texts(packed):
        if database.execute("UPDATE texts SET used = ? WHERE digest = ?", [number, digest]).rowcount:
            continue
        content = _read(packed, path, digest)
        if content is not None and b"\0" not in content:
            text = zlib.compress(content)
            database.execute("INSERT INTO texts (digest, used, text) VALUES (?, ?, ?)", [digest, number, text])


def _small_texts(packed: BuildContext) -> Iterator[tuple[str, str]]:
    """The digests and paths of the files whose text is worth keeping: what decides first, then the smallest."""
    found = {finding.path for finding in packed.secrets}
    secret = {entry.digest for path, entry in packed.manifest.items() if path in found or is_environment(path)}
    first = (packed.dockerfile, packed.ignore_file)
    files = [
        (path not in first, entry.size, path, entry.digest)
        for path, entry in packed.manifest.items()
        if entry.kind == "file" and 0 < entry.size <= LARGEST_TEXT and entry.digest not in secret
    ]
    left = TEXTS
    for _, size, path, digest in sorted(files):
        left -= size
        if left < 0:
            return
        yield digest, path


def _read(packed: BuildContext, path: str, digest: str) -> bytes | None:
    """The file's content, if it is still what was sent; that of a Dockerfile need not be in the directory."""
    if path == packed.dockerfile:
        content = packed.dockerfile_text.encode("utf-8", "replace")
        if sha256(content).hexdigest() == digest:
            return content
    try:
        content = to_local(packed.directory, path).read_bytes()
    except OSError:
        return None
    return content if sha256(content).hexdigest() == digest else None
