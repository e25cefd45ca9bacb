"""Directories to pack."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def make(root: Path, **files: str) -> Path:
    """A directory with a Dockerfile and files; `__` in a name is a `/`, and `_` a dot."""
    for name, text in {"Dockerfile": "FROM scratch\n", **files}.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
