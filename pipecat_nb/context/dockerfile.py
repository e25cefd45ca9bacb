"""The files that decide how a directory is built: its Dockerfile and its ignore file."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipecat_nb.context.names import to_local, to_name
from pipecat_nb.errors import ContextError, DirectoryNotFound, DockerfileNotFound
from pipecat_nb.text import printable


def find_directory(directory: str | os.PathLike[str]) -> Path:
    """The directory, absolute and without links; raises DirectoryNotFound."""
    try:
        root = Path(directory).expanduser().resolve()
        is_directory, exists = root.is_dir(), root.exists()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, an unknown user's ~, a NUL
        raise DirectoryNotFound(f"{printable(os.fspath(directory))} is no directory: {error}.") from error
    if not is_directory:
        what = "is not a directory" if exists else "does not exist"
        raise DirectoryNotFound(f"{root} {what}.", hint="Name the directory that holds the Dockerfile.")
    return root


def find_dockerfile(root: Path, dockerfile: str | os.PathLike[str]) -> tuple[str, list[str]]:
    """The Dockerfile's path in the context, and all paths that it takes to read it; raises DockerfileNotFound."""
    name = place_dockerfile(root, dockerfile)
    given = os.fspath(dockerfile)
    if not to_local(root, name).is_file():
        raise missing(root, given)
    needed = _links(root, name)
    if needed is None:
        raise DockerfileNotFound(
            f"The Dockerfile {printable(given)} is a link that leads out of {root}.",
            hint="The service builds from the context alone: put the file itself into the directory.",
        )
    return name, needed


def place_dockerfile(root: Path, dockerfile: str | os.PathLike[str]) -> str:
    """The path that a Dockerfile has in the context, whether it is there or not; raises DockerfileNotFound."""
    given = os.fspath(dockerfile)
    path = Path(os.path.normpath(root / given))
    if not path.is_relative_to(root):
        # An absolute path may name the directory through a link.
        path = path.parent.resolve() / path.name
    if not path.is_relative_to(root):
        raise DockerfileNotFound(
            f"The Dockerfile {printable(given)} is outside of {root}.",
            hint="The service builds from the context alone: put it into the directory.",
        )
    return to_name(path.relative_to(root).as_posix())


def expect_place(root: Path, name: str) -> None:
    """Raise DockerfileNotFound where no file can be put at a path of the context."""
    if "\0" in name:
        raise DockerfileNotFound(f"{printable(name)} is no Dockerfile: no path holds such a character.")
    places = ["/".join(name.split("/")[:depth]) for depth in range(1, name.count("/") + 1)]
    blocked = next((place for place in places if _is_no_directory(to_local(root, place))), None)
    if name == "." or to_local(root, name).is_dir() or blocked is not None:
        what = f"{printable(blocked)} is no directory" if blocked else f"{printable(name)} is a directory"
        raise DockerfileNotFound(f"There is no place for a Dockerfile {printable(name)} in {root}: {what}.")


def _is_no_directory(path: Path) -> bool:
    """Whether something is there that is not a directory itself: a file, or a link."""
    return os.path.lexists(path) and (path.is_symlink() or not path.is_dir())


def missing(root: Path, dockerfile: str) -> DockerfileNotFound:
    """The error of a Dockerfile that is not there, and what is."""
    found = sorted(_dockerfiles(root))[:5]
    if found == ["Dockerfile"]:
        hint = "There is Dockerfile, which is taken where none is named."
    elif not found:
        hint = "Write one: FROM dailyco/pipecat-base:latest"
    else:
        below = any("/" in name for name in found)
        hint = f"There is {', '.join(found)}: name it with --dockerfile{', or build its directory' * below}."
    return DockerfileNotFound(f"{root} has no {printable(dockerfile)}.", hint=hint)


def find_ignore_file(root: Path, dockerfile: str) -> tuple[str, list[str]]:
    """The ignore file's path in the context, and all paths it takes to read it; both empty where there is none."""
    for name in (f"{dockerfile}.dockerignore", ".dockerignore"):
        if to_local(root, name).is_file():
            return name, _links(root, name) or [name]
    return "", []


def read(root: Path, name: str) -> bytes:
    """The content of one of these files; raises ContextError."""
    try:
        return to_local(root, name).read_bytes()
    except OSError as error:
        raise ContextError(
            f"{printable(name)} cannot be read: {error.strerror}.", hint="Nothing is built without it."
        ) from error


def _links(root: Path, path: str) -> list[str] | None:
    """The links that lead to a file of the context, and the file itself; None where they lead out of it."""
    found: list[str] = []
    ahead, at = path.split("/"), ""
    while ahead:
        name = ahead.pop(0)
        if name == "..":
            if not at:
                return None
            at = at.rpartition("/")[0]
            continue
        step = f"{at}/{name}" if at else name
        local = to_local(root, step)
        if local.is_symlink():
            found.append(step)
            target = local.readlink()
            if target.anchor:
                return None
            ahead = [*map(to_name, target.parts), *ahead]
        else:
            at = step
    return [*found, at]


def _dockerfiles(root: Path) -> Iterator[str]:
    """The Dockerfiles in a directory and in those it holds."""
    for pattern in ("*", "*/*"):
        for path in root.glob(pattern):
            name = path.name.lower()
            if "dockerfile" in name and not name.endswith(".dockerignore") and path.is_file():
                yield printable(path.relative_to(root).as_posix())
