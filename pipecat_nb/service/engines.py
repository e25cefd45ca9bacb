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
from pathlib import Path
from typing import ClassVar

from pipecat_nb.errors import EngineError, EngineNotFound
from pipecat_nb.service.process import ProcessFailed, ProcessTree

#: Seconds that an engine has to answer a question.
ANSWER_LIMIT = 10.0


class Engine:
    """A container engine that answered; `name` and `version` are its own."""

    name: ClassVar[str]
    #: Environment variables that the user's own override.
    defaults: ClassVar[Mapping[str, str]] = {}

    def __init__(self, version: str) -> None:
        self.version = version

    @classmethod
    def ask_version(cls) -> str | None:
        """The version of the engine that answers, None if none does."""
        raise NotImplementedError

    def image_size(self, tag: str) -> int | None:
        """The size in bytes of an image, uncompressed; None if the engine has no such image."""
        raise NotImplementedError

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
    def ask_version(cls) -> str | None:
        return _ask("docker", "version", "--format", "{{.Server.Version}}")

    def image_size(self, tag: str) -> int | None:
        return _number(_ask("docker", "image", "inspect", "--format", "{{.Size}}", tag))


class Podman(Engine):
    """Podman; `CONTAINER_HOST` and its connections say which service."""

    name = "podman"

    @classmethod
    def ask_version(cls) -> str | None:
        # Of `version` only the client is certain to answer; `info` asks whoever builds.
        return _ask("podman", "info", "--format", "{{.Version.Version}}")

    def _options(self) -> Sequence[str]:
        return ("--layers", "--force-rm", "--pull=missing", "--format=docker")

    def image_size(self, tag: str) -> int | None:
        return _number(_ask("podman", "image", "inspect", "--format", "{{.Size}}", tag))


class Buildah(Engine):
    """Buildah; unless `BUILDAH_ISOLATION` says otherwise with chroot isolation, which works in containers too."""

    name = "buildah"
    defaults: ClassVar[Mapping[str, str]] = {"BUILDAH_ISOLATION": "chroot"}

    @classmethod
    def ask_version(cls) -> str | None:
        # `version` answers also where the storage does not work.
        if _ask("buildah", "info") is None:
            return None
        words = (_ask("buildah", "--version") or "").split()
        return words[2] if len(words) > 2 else None

    def _options(self) -> Sequence[str]:
        # `false` is "only what is missing" in every release, `missing` in newer ones alone.
        return ("--layers", "--force-rm", "--pull=false", "--format=docker")

    def image_size(self, tag: str) -> int | None:
        manifest = _ask("buildah", "inspect", "--type=image", "--format", "{{.Manifest}}", tag)
        if not manifest:
            return None
        parts = json.loads(manifest)
        return int(parts["config"]["size"]) + sum(int(layer["size"]) for layer in parts["layers"])


ENGINES: Mapping[str, type[Engine]] = {kind.name: kind for kind in (Docker, Podman, Buildah)}


class EngineChoice:
    """The engine that builds: asked for when first needed, and again as long as none answers."""

    def __init__(self, only: str | None = None) -> None:
        self._kinds = [ENGINES[only]] if only else list(ENGINES.values())
        self._lock = threading.Lock()
        self._chosen: Engine | None = None

    def get(self) -> Engine:
        """The first engine that answers, in the order docker, podman, buildah; raises EngineNotFound."""
        with self._lock:
            if self._chosen is None:
                self._chosen = self._choose()
            return self._chosen

    def _choose(self) -> Engine:
        for kind in self._kinds:
            if version := kind.ask_version():
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


def _ask(*command: str) -> str | None:
    """What a command prints; None if it is not there, fails, or does not answer in time."""
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_LIMIT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.decode(errors="replace").strip()


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


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
    except EngineNotFound as error:
        print(error, file=sys.stderr)
        return 1
    if options.image is None:
        print(engine.name)
        return 0
    return 0 if engine.image_size(options.image) is not None else 1


if __name__ == "__main__":
    sys.exit(main())
