"""What an unchanged directory was packed to before: known by its files' stamps, without reading one.

Nothing here has to be kept: what is missing, damaged or of another version is packed again.
"""

import contextlib
import hashlib
import json
import marshal
import os
import tempfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import deflate

from pipecat_nb import paths
from pipecat_nb.context.archive import Written
from pipecat_nb.context.encoder import EncoderName
from pipecat_nb.context.manifest import Manifest, dump, load
from pipecat_nb.context.secrets import VERSION, Finding
from pipecat_nb.context.selection import Selection, Stamp

#: What else decides about an archive's bytes; the number goes up when this package packs otherwise.
FORMAT = f"1 deflate {deflate.__version__} zlib {zlib.ZLIB_RUNTIME_VERSION} secrets {VERSION}"

#: Nanoseconds in which a file can be written twice without a new time: FAT's clock is the coarsest.
GRANULARITY = 2 * 10**9

#: Directories that are remembered; those packed longest ago go first.
MOST = 200


@dataclass(frozen=True)
class Remembered:
    """An archive that was written before, and what was found in it; the manifest is read when it is asked for."""

    hash: str
    size: int
    secrets: tuple[Finding, ...]
    _manifest: bytes

    @cached_property
    def manifest(self) -> Manifest:
        """What was in it."""
        return load(self._manifest)


class StatCache:
    """Archives that were written before, in a directory of their own: one file for each directory and encoder."""

    def __init__(self, directory: Path | None = None, *, granularity: int = GRANULARITY) -> None:
        self._directory = directory or paths.cache_dir() / "contexts"
        self._granularity = granularity

    def recall(self, selection: Selection, encoder: EncoderName) -> Remembered | None:
        """The archive of this very selection; None where a file may have changed, or nothing is known."""
        try:
            checksum, _, content = self._file(selection, encoder).read_bytes().partition(b"\n")
            if checksum.decode() != _checksum(content):
                return None
            known, _, manifest = content.partition(b"\n")
            state, digest, size, found = json.loads(known)
            secrets = tuple(Finding(*finding) for finding in found)
        except (OSError, ValueError, TypeError):
            return None
        return Remembered(digest, size, secrets, manifest) if state == _state(selection, encoder) else None

    def keep(self, selection: Selection, encoder: EncoderName, written: Written) -> None:
        """Remember an archive, unless one of its files may since have been written within the same tick."""
        latest = max((_touched(each.stamp) for each in selection.members if each.stamp), default=0)
        if latest >= selection.walked_at - self._granularity:
            return
        known = json.dumps([_state(selection, encoder), written.hash, written.size, written.secrets])
        content = known.encode() + b"\n" + dump(written.manifest)
        # A cache that cannot be written is none.
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write(self._file(selection, encoder), _checksum(content).encode() + b"\n" + content)
            self._trim()

    def forget(self, selection: Selection, encoder: EncoderName) -> None:
        """Drop what is known of a selection's directory."""
        with contextlib.suppress(OSError):
            self._file(selection, encoder).unlink()

    def _file(self, selection: Selection, encoder: EncoderName) -> Path:
        name = json.dumps([str(selection.directory), selection.dockerfile, encoder])
        return self._directory / f"{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}.json"

    def _write(self, path: Path, content: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._directory, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _trim(self) -> None:
        """Remove the oldest where there are too many, and with them what a crash left half written."""
        files = list(self._directory.iterdir())
        if len(files) > MOST:
            by_age = sorted((file.stat().st_mtime_ns, file) for file in files)
            for _, file in by_age[:-MOST]:
                file.unlink()


def _touched(stamp: Stamp) -> int:
    """When a file was last touched; of Windows' times of change, the other one is that of its making."""
    return stamp.modified if os.name == "nt" else stamp.changed


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _state(selection: Selection, encoder: EncoderName) -> str:
    """A digest of all that decides about the archive's bytes, as far as it is known without reading a file."""
    values: list[str | int | bytes] = [FORMAT, encoder]
    for path, kind, size, mode, target, _, stamp, content in selection.members:
        values += (path, kind, size, mode, target)
        values += stamp or ()
        if content is not None:
            values.append(content)
    # Version 2: the later ones write down which values are one object in memory.
    return hashlib.blake2b(marshal.dumps(values, 2), digest_size=16).hexdigest()
