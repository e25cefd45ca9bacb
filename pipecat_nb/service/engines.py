"""The container engines that build images: docker, podman or buildah, chosen by asking them.

`python -m pipecat_nb.service.engines` prints the engine that would build; its exit status is 1 if there is none.
`python -m pipecat_nb.service.engines --image NAME` exits with 0 only if the engine has that image.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from pipecat_nb.errors import EngineError, EngineNotFound
from pipecat_nb.service.process import ProcessFailed, ProcessTree

#: Seconds that an engine has to answer a question, and just after a build, when it may still be busy.
ANSWER_LIMIT = 10.0
BUSY_LIMIT = 60.0


class Engine:
    """A container engine that answered; `name` and `version` are its own."""

    name: ClassVar[str]
    #: Environment variables that the user's own override.
    defaults: ClassVar[Mapping[str, str]] = {}
    #: The command that describes the image which is named behind it, and fails if there is none.
    _inspect: ClassVar[Sequence[str]]

    def __init__(self, version: str) -> None:
        self.version = version

    @classmethod
    def ask_version(cls) -> str | None:
        """The version of the engine that answers, None if none does."""
        with suppress(EngineError):
            return cls._version()
        return None

    @classmethod
    def _version(cls) -> str | None:
        raise NotImplementedError

    def image_size(self, tag: str, *, limit: float = ANSWER_LIMIT) -> int | None:
        """The size in bytes of an image, uncompressed; None if the engine has no such image.

        Raises EngineError if the engine does not answer within `limit` seconds, or not any more.
        """
        told = _ask(*self._inspect, tag, limit=limit)
        if told is None and self.ask_version() is None:
            raise EngineError(f"{self.name} does not answer any more.")
        return None if told is None else self._size(told)

    def _size(self, told: str) -> int:
        """The size in what `_inspect` tells."""
        return int(told)

    def _options(self) -> Sequence[str]:
        """What `build` needs beside the file, the name and the directory."""
        return ()

    def build(
        self, context: Path, *, dockerfile: str, tag: str, processes: ProcessTree
    ) -> Generator[str, None, None]:
        """Build the image `tag` from a directory and a Dockerfile in it; gives the log line by line.

        An image of the engine's own storage is used before one of a registry. Raises EngineError with the engine's
        last error, and Stopped when `processes` is stopped.
        """
        file = f"--file={context / dockerfile}"
        command = [self.name, "build", *self._options(), file, f"--tag={tag}", str(context)]
        error = ""
        try:
            for line in processes.lines(command, directory=context, environment={**self.defaults, **os.environ}):
                # The directory is gone when someone reads this, and its name is nobody's business.
                shown = line.replace(str(context), ".")
                error = _worse(error, shown)
                yield shown
        except ProcessFailed as failure:
            raise EngineError(error or f"{self.name} ended with {failure}") from failure
        except OSError as failure:
            raise EngineError(f"{self.name} cannot be started: {failure.strerror}") from failure


class Docker(Engine):
    """Docker, with BuildKit or without; `DOCKER_HOST` and docker contexts say which daemon."""

    name = "docker"
    # The option of this name is refused where there is no BuildKit, the variable is not.
    defaults: ClassVar[Mapping[str, str]] = {"BUILDKIT_PROGRESS": "plain"}

    @classmethod
    def _version(cls) -> str | None:
        return _ask("docker", "version", "--format", "{{.Server.Version}}")

    _inspect: ClassVar[Sequence[str]] = ("docker", "image", "inspect", "--format", "{{.Size}}")


class Podman(Engine):
    """Podman; `CONTAINER_HOST` and its connections say which service."""

    name = "podman"

    @classmethod
    def _version(cls) -> str | None:
        # Of `version` only the client is certain to answer; `info` asks whoever builds.
        return _ask("podman", "info", "--format", "{{.Version.Version}}")

    def _options(self) -> Sequence[str]:
        return ("--layers", "--force-rm", "--pull=missing", "--format=docker")

    _inspect: ClassVar[Sequence[str]] = ("podman", "image", "inspect", "--format", "{{.Size}}")


class Buildah(Engine):
    """Buildah; unless `BUILDAH_ISOLATION` says otherwise with chroot isolation, which works in containers too."""

    name = "buildah"
    defaults: ClassVar[Mapping[str, str]] = {"BUILDAH_ISOLATION": "chroot"}

    @classmethod
    def _version(cls) -> str | None:
        # `version` answers also where the storage does not work.
        if _ask("buildah", "info") is None:
            return None
        words = (_ask("buildah", "--version") or "").split()
        return words[2] if len(words) > 2 else None

    def _options(self) -> Sequence[str]:
        # `false` is "only what is missing" in every release, `missing` in newer ones alone.
        return ("--layers", "--force-rm", "--pull=false", "--format=docker")

    _inspect: ClassVar[Sequence[str]] = ("buildah", "inspect", "--type=image", "--format", "{{.Manifest}}")

    def _size(self, told: str) -> int:
        parts = json.loads(told)
        return int(parts["config"]["size"]) + sum(int(layer["size"]) for layer in parts["layers"])


ENGINES: Mapping[str, type[Engine]] = {kind.name: kind for kind in (Docker, Podman, Buildah)}


class EngineChoice:
    """The engine that builds: the one of the last time as long as it answers, or else the first that does."""

    def __init__(self, only: str | None = None) -> None:
        self._kinds = [ENGINES[only]] if only else list(ENGINES.values())
        self._lock = threading.Lock()
        self._last: list[type[Engine]] = []

    def get(self) -> Engine:
        """An engine that answers, in the order docker, podman, buildah; raises EngineNotFound."""
        with self._lock:
            for kind in [*self._last, *self._kinds]:
                if version := kind.ask_version():
                    self._last = [kind]
                    return kind(version)
        names = [kind.name for kind in self._kinds]
        asked = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
        raise EngineNotFound(f"No container engine answers ({asked}).", hint=how_to_install(sys.platform))


def how_to_install(platform: str) -> str:
    """What to install on a platform, `sys.platform`'s word for it, to have a container engine."""
    if platform == "darwin":
        return "Install and start Docker Desktop, or: brew install podman && podman machine init --now"
    if platform == "win32":
        return "Install and start Docker Desktop or Podman Desktop."
    return "On Debian and Ubuntu: apt-get install buildah crun; elsewhere podman, buildah or docker."


def _ask(*command: str, limit: float | None = None) -> str | None:
    """What a command prints; None if it is not there or fails; raises EngineError if it takes too long."""
    limit = ANSWER_LIMIT if limit is None else limit
    try:
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=True)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{command[0]} did not answer within {limit:g} s.") from error
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.decode(errors="replace").strip()


def _worse(error: str, line: str) -> str:
    """The line that tells better why a build failed: the last that calls itself an error, else the last one."""
    line = line.strip()
    if not line or (_is_error(error) and not _is_error(line)):
        return error
    return line


def _is_error(line: str) -> bool:
    return line.lower().startswith(("error:", "error "))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the chosen engine, or look for an image in it; the exit status says whether it is there."""
    parser = argparse.ArgumentParser(prog="python -m pipecat_nb.service.engines", description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, help="ask this one only")
    parser.add_argument("--image", metavar="NAME", help="exit with 0 only if the engine has this image")
    options = parser.parse_args(arguments)
    try:
        engine = EngineChoice(options.engine).get()
        if options.image is None:
            print(engine.name)
            return 0
        found = engine.image_size(options.image) is not None
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
