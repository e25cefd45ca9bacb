"""What was sent, path by path: kept, compared, and recognized whatever archive it came in. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Literal, NamedTuple


class ManifestEntry(NamedTuple):
    """What was sent of one path: kind, mode, size in bytes, SHA-256 of a file's content or a link's target."""

    kind: str
    mode: int
    size: int
    digest: str


Manifest = Mapping[str, ManifestEntry]


class Change(NamedTuple):
    """One path that differs between two contexts; `before` is None where it was added, `after` where removed."""

    path: str
    before: ManifestEntry | None
    after: ManifestEntry | None

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def compare(before: Manifest, after: Manifest) -> list[Change]:
    """The paths that differ, sorted."""
    return [
        Change(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def dump(manifest: Manifest) -> bytes:
    """A manifest as JSON; the same manifest gives the same bytes."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()


def load(data: bytes) -> dict[str, ManifestEntry]:
    """The manifest of `dump`; raises a ValueError or TypeError for anything else."""
    return {path: ManifestEntry(*entry) for path, entry in json.loads(data).items()}


def content_of(manifest: Manifest) -> str:
    """A digest of all that is sent, whatever the encoder: contexts that share it make the same image."""
    return hashlib.sha256(dump(manifest)).hexdigest()
