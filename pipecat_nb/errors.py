"""Every exception of this package.

PipecatError
├── SettingsError              who or where to talk to cannot be found out
├── LocalServiceError          the local Pipecat Cloud did not start
├── ContextError               the directory cannot be made into a build context
│   ├── DirectoryNotFound
│   ├── DockerfileNotFound
│   ├── InvalidPattern         a malformed line of an ignore file
│   ├── UnreadableFiles        files that cannot be read, or are no files
│   ├── SecretsFound           keys or tokens would be sent; has .findings
│   └── ContextTooLarge
├── ConnectionFailed           no answer: refused, cut, timed out
├── APIError                   an answer that says no; has .status and .code
│   ├── BadRequest
│   ├── Unauthorized
│   ├── NotFound
│   ├── RateLimited
│   └── ServerError
├── UploadError                the storage refused the archive
│   ├── UploadExpired
│   └── UploadTooLarge
├── UnknownRegion
├── UnknownBuild               no build, or more than one, is meant by what was given
├── InvalidFilter              builds are looked for by a status or a time that is none
├── InvalidGrouping            builds are grouped by what they do not have
├── InvalidMeasure             regressions are looked for in what is not measured
├── NotBuilds                  a DataFrame is asked for what only one of builds can tell
├── BuildError                 a build ended badly; has .build
│   ├── BuildFailed
│   └── BuildTimedOut          the service's own time limit, not ours
├── WaitTimeout                waiting was given up, the build goes on; has .build
├── WaitInterrupted            Ctrl-C stopped the waiting, the build goes on; has .build
└── EngineError                a container engine refused
    └── EngineNotFound
"""

from collections.abc import Iterable
from typing import Any


class PipecatError(Exception):
    """Something went wrong; the message says what happened, the hint what to do next.

    `build` is the handle of the build that this is about, if there is one; it has no id where none was created.
    """

    def __init__(self, message: str, *, hint: str = "", build: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.build = build

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: one screen that a person can act on, no frames and no values of locals."""
        return f"{type(self).__name__}: {self}".splitlines()


class SettingsError(PipecatError):
    """Who or where to talk to cannot be found out."""


class LocalServiceError(PipecatError):
    """The local Pipecat Cloud did not start or cannot be reached."""


class ContextError(PipecatError):
    """The directory cannot be made into a build context."""


class DirectoryNotFound(ContextError):
    """There is no such directory."""


class DockerfileNotFound(ContextError):
    """The directory has no such Dockerfile."""


class InvalidPattern(ContextError):
    """A line of an ignore file is malformed."""


class UnreadableFiles(ContextError):
    """Files of the context cannot be read, or are sockets, pipes or devices."""


class SecretsFound(ContextError):
    """Keys, tokens or passwords would be sent; `findings` says in which files, at which lines, never the value."""

    def __init__(self, message: str, *, hint: str = "", findings: tuple[Any, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.findings = findings


class ContextTooLarge(ContextError):
    """The context is above the service's limit of 500 MB."""


class ConnectionFailed(PipecatError):
    """The service gave no answer: refused, cut or timed out; `sent` is False where it certainly got no request."""

    def __init__(self, message: str, *, hint: str = "", sent: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class APIError(PipecatError):
    """The service answered with an error; `status` is the HTTP status, `code` the service's own word."""

    def __init__(self, message: str, *, hint: str = "", build: Any = None, status: int, code: str = "") -> None:
        super().__init__(message, hint=hint, build=build)
        self.status = status
        self.code = code


class BadRequest(APIError):
    """The service does not accept what was asked (4xx)."""


class Unauthorized(APIError):
    """The token is missing, wrong or expired (401, 403)."""


class NotFound(APIError):
    """The service does not know what was asked for (404)."""


class RateLimited(APIError):
    """Too many requests, also after waiting as long as the service asked for (429)."""


class ServerError(APIError):
    """The service itself failed, also after several tries (5xx)."""


class UploadError(PipecatError):
    """The storage refused the archive; `code` is the storage's own word."""

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class UploadExpired(UploadError):
    """The upload took longer than its permission lasts (15 minutes)."""


class UploadTooLarge(UploadError):
    """The archive is larger than the storage takes."""


class UnknownRegion(PipecatError):
    """The service has no such region; the hint lists those that it has."""

    def __init__(self, region: str, *, known: Iterable[str]) -> None:
        super().__init__(f"There is no region {region!r}.", hint=f"The regions are {', '.join(known)}.")


class UnknownBuild(PipecatError):
    """No build, or more than one, is meant by what was given."""


class InvalidFilter(PipecatError):
    """Builds are looked for by a status or a time that is none."""


class InvalidGrouping(PipecatError):
    """Builds are grouped by what they do not have."""


class InvalidMeasure(PipecatError):
    """Regressions are looked for in what is not measured."""


class NotBuilds(PipecatError, AttributeError):
    """A DataFrame is asked for what only one of builds can tell.

    An AttributeError too, by which pandas and completion know that this frame has no such accessor.
    """


class BuildError(PipecatError):
    """A build ended badly; `build` is its handle or record."""


class BuildFailed(BuildError):
    """The image could not be built."""


class BuildTimedOut(BuildError):
    """The service stopped the build at its time limit."""


class WaitTimeout(PipecatError):
    """Waiting was given up; the build goes on, and `build` is its handle."""


class WaitInterrupted(PipecatError):
    """Ctrl-C or Interrupt stopped the waiting; the build goes on, and `build` is its handle."""


class EngineError(PipecatError):
    """The container engine refused to build."""


class EngineNotFound(EngineError):
    """No container engine answers on this machine."""
