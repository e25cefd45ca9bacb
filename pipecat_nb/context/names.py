"""Names of files as an archive has them and as this machine does.

An archive's names are UTF-8, whatever the locale; bytes that are not come through as surrogate escapes.
"""

import os
from pathlib import Path


def to_name(local: str) -> str:
    """The archive's name of what this machine calls `local`."""
    return local if local.isascii() else os.fsencode(local).decode("utf-8", "surrogateescape")


def to_local(root: Path, name: str) -> Path:
    """Where a path of the archive (relative, with `/`) is on this machine."""
    return Path(locate(str(root), name))


def locate(root: str, name: str) -> str:
    """`to_local` for the many: text to text."""
    local = name if name.isascii() else os.fsdecode(name.encode("utf-8", "surrogateescape"))
    return f"{root}{os.sep}{local}"  # joining the many with more care would take longer than to open them
