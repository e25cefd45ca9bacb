"""The handle of a build: what is known of it, as traits that can be observed, and the ways to wait for it."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Generator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from traitlets import Bool, Float, HasTraits, Instance, Int, Unicode

from pipecat_nb import models
from pipecat_nb.errors import BuildError, BuildFailed, BuildTimedOut, PipecatError, WaitTimeout
from pipecat_nb.lifecycle.diagnosis import Diagnosis, diagnose
from pipecat_nb.lifecycle.explanation import Explanation, why
from pipecat_nb.lifecycle.progress import Progress, progress
from pipecat_nb.lifecycle.stages import PACKING, Here, Stage, stages
from pipecat_nb.logs import Transcript, parse
from pipecat_nb.record import Record
from pipecat_nb.text import LINE_LIMIT, printable

if TYPE_CHECKING:
    import pandas as pd

    from pipecat_nb.client import Client

#: Seconds that `wait` waits when it is not told otherwise.
WAIT_LIMIT = 3600.0

#: Seconds between two chances to interrupt the waiting.
SLICE = 1.0

#: Lines of the log that are read to find out why a build failed: all that the service gives at once.
READ = 10_000


class BuildHandle(HasTraits):
    """A build that was started or looked up here; its traits follow the service until the build has ended.

    `status` is the service's word (`pending`, `building`, `success`, `failed`, `timeout`), and before the build
    exists there, what happens on this machine: `packing`, `checking`, `uploading`, `creating`. Sizes are in bytes,
    times in seconds. Traits change in the thread that watches: `observe` calls back there.
    """

    status = Unicode(PACKING, help="How the build stands.")
    id = Unicode(help="The service's id; empty until the build exists.")
    cached = Bool(False, help="Whether this is an earlier build of the same context.")
    region = Unicode(help="Where the image is built for.")
    dockerfile_path = Unicode("Dockerfile", help="The Dockerfile's path in the context.")
    context_hash = Unicode(help="The context's hash, the key of the build cache.")
    image_uri = Unicode(help="The image; empty until it is built.")
    error_message = Unicode(help="Why the build failed, in the service's words.")
    directory = Unicode(help="The directory that was packed; empty for a build that was looked up.")
    name = Unicode(help="What people call it: the agent's name or the directory's.")
    note = Unicode(help="The note given with --note.")
    where = Unicode(help="Where it is built.")
    build = Instance(models.Build, allow_none=True, help="The service's last record of it.")
    files = Int(0, help="Files in the context.")
    packed = Int(0, help="How many paths were packed so far.")
    to_pack = Int(0, help="How many there are to pack.")
    context_size = Int(0, help="The context's bytes before compression.")
    archive_size = Int(0, help="The archive's bytes.")
    sent = Int(0, help="Bytes uploaded so far.")
    upload_rate = Float(0.0, help="Bytes uploaded a second, from the upload's beginning.")
    pack_seconds = Float(None, allow_none=True)
    upload_seconds = Float(None, allow_none=True)
    diagnosis = Instance(Diagnosis, allow_none=True, help="Why the build failed: step, last lines, known cause.")
    progress = Instance(
        Progress, allow_none=True, help="How far it has come, by its log; only if it is looked at."
    )
    trouble = Unicode(help="Why the last look at the service failed; it is tried again.")
    problem = Unicode(help="Why no build could be created.")
    warning = Unicode(help="What the service might object to in the context.")

    def __init__(self, client: "Client", **traits: Any) -> None:
        super().__init__(**traits)
        self._client = client
        #: Whether a watcher keeps this up to date.
        self.followed = False
        self._viewers = 0
        # Of its own: whoever begins to view must not wait for an update, whose observers may wait for them.
        self._counting = threading.Lock()
        #: The log as it was read so far.
        self.transcript = Transcript(limit=READ)
        #: Whether it was read after the build had ended.
        self.log_complete = False
        self._ended = threading.Event()
        # Whoever asks the service, the watching thread or another, brings the news.
        self._updating = threading.RLock()
        self._begun = time.monotonic()
        # Of a build started here, the seconds until it existed on the service.
        self._seconds_here: float | None = None
        self._seconds: float | None = None

    def __repr__(self) -> str:
        return f"<Build {self.id or 'not created yet'} {self.status}: {self.name or self.context_hash}>"

    @property
    def final(self) -> bool:
        """Whether the build has ended, well or badly."""
        return self.build is not None and self.build.final

    @property
    def viewers(self) -> int:
        """How many views show it: only where one does, its log is read while it is built."""
        return self._viewers

    def begin_viewing(self) -> None:
        """Count one view more."""
        with self._counting:
            self._viewers += 1

    def end_viewing(self) -> None:
        """Count one view less."""
        with self._counting:
            self._viewers -= 1

    @property
    def elapsed(self) -> float:
        """Seconds from its start (here, or for a build that was looked up, on the service) to its end."""
        if self._seconds is not None:
            return self._seconds
        if self.directory or self.build is None or self.build.created_at is None:
            return time.monotonic() - self._begun
        return max(0.0, (datetime.now(UTC) - self.build.created_at).total_seconds())

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages on the build's way: pack, upload, queue, build."""
        here = Here(
            status=self.status,
            cached=self.cached,
            failed=bool(self.problem),
            files=self.files,
            pack_seconds=self.pack_seconds,
            upload_seconds=self.upload_seconds,
        )
        return stages(here if self.directory else None, self.build, now=datetime.now(UTC))

    def wait(self, timeout: float = WAIT_LIMIT) -> Self:
        """Wait for the end of the build, at most `timeout` seconds; Ctrl-C stops the waiting, never the build.

        Raises BuildFailed or BuildTimedOut if it ended badly, WaitTimeout if it has not ended yet.
        """
        deadline = time.monotonic() + timeout
        # In slices: Windows lets Ctrl-C through between them, and the longest wait has a limit.
        while not self._ended.wait(max(0.0, min(SLICE, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                raise self._waited_enough(timeout)
            self._look_if_nobody_does()
        return self._result()

    def __await__(self) -> Generator[Any, None, Self]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Self:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def wake(_: object) -> None:
            if self.final or self.problem:
                loop.call_soon_threadsafe(ended.set)

        self.observe(wake, ["status", "problem"])
        try:
            async with asyncio.timeout(WAIT_LIMIT):
                while not self._ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(ended.wait(), SLICE)
                        break
                    await asyncio.to_thread(self._look_if_nobody_does)
        except TimeoutError:
            raise self._waited_enough(WAIT_LIMIT) from None
        finally:
            self.unobserve(wake, ["status", "problem"])
        return self._result()

    def _look_if_nobody_does(self) -> None:
        """Ask the service where no watcher does: the extension was unloaded, or its workspace closed."""
        if self.followed:
            return
        try:
            self.refresh()
        except PipecatError as error:
            self.trouble = error.message

    def _waited_enough(self, timeout: float) -> WaitTimeout:
        said = f" {self.trouble}" if self.trouble else ""
        return WaitTimeout(
            f"Build {self.id} is still {self.status} after {timeout:g} s of waiting; it goes on.{said}",
            hint=f"`%pcbuild wait {self.id[:8]}` waits on.",
            build=self,
        )

    def _result(self) -> Self:
        if self.status == models.SUCCESS:
            return self
        if self.problem:
            raise BuildError(f"No build was created: {self.problem}", build=self)
        raise self.failure()

    def failure(self) -> BuildError:
        """The exception of a build that ended badly: why, the log's last lines, and the next command."""
        timed_out = self.status == models.TIMEOUT
        kind: type[BuildError] = BuildTimedOut if timed_out else BuildFailed
        what = "was stopped at the service's time limit" if timed_out else "failed"
        if self.status not in models.STATUSES:
            kind, what = BuildError, f"ended as {self.status!r}"
        why = f": {printable(self.error_message, limit=LINE_LIMIT)}" if self.error_message else ""
        found = self.diagnosis or Diagnosis()
        where = [f"at {found.where}"] if found.where else []
        lines = [*where, *(str(found.excerpt).splitlines() if found.excerpt else ()), *found.tail[-8:]]
        shown = "".join(f"\n  {printable(line, limit=LINE_LIMIT)}" for line in lines)
        next_ = f"`%pcbuild logs {self.id[:8]}` shows its whole log."
        return kind(
            f"Build {self.id} of {self.name or self.context_hash} {what}{why}{shown}",
            hint="\n".join(filter(None, (found.advice, next_))),
            build=self,
        )

    def logs(self, *, limit: int = 500) -> list[str]:
        """Lines of the build's log; empty until it has started."""
        return list(self._client.build_logs(self.id, limit=limit).lines) if self.id else []

    def steps(self) -> "pd.DataFrame":
        """The build's steps so far, read from its log: one row a step, with state and, where known, duration."""
        from pipecat_nb.analysis import steps_frame  # noqa: PLC0415  pandas is imported when it is first needed

        return steps_frame(parse(self.logs(limit=READ), status=self.status).steps)

    def why(self) -> Explanation:
        """Why it was built, and not an earlier build found: what differs from the start before it here.

        Knows what this machine sent, and asks the service only where nothing differs; raises a PipecatError.
        """
        return why(self._client, self.id)

    def refresh(self) -> Self:
        """Ask the service how the build stands, now."""
        if self.id and not self.final:
            self.update(self._client.get_build(self.id))
        return self

    def update(self, build: models.Build) -> None:
        """Take over what the service says, unless later news came first; what has ended changes no more."""
        # Asked for before the lock is taken, for which a kernel's main thread may have to wait.
        page = self._ask_for_log(build.id) if self._needs_log(build) else None
        with self._updating:
            if not (self.final or self._knows_later(build)):
                try:
                    self._take(build, page)
                finally:  # also where somebody's observer raises
                    if self.build is build and build.final:
                        self._ended.set()

    def _needs_log(self, build: models.Build) -> bool:
        return not self.final and build.final and (build.status != models.SUCCESS or self.viewers > 0)

    def _knows_later(self, build: models.Build) -> bool:
        if self.build is None or self.build.updated_at is None or build.updated_at is None:
            return False
        return build.updated_at < self.build.updated_at

    def fail(self, problem: str) -> None:
        """No build could be created: say why, and stop the clock."""
        self._seconds = time.monotonic() - self._begun
        self.problem = problem
        self._ended.set()

    def _take(self, build: models.Build, page: models.LogPage | None) -> None:
        # Read first, told last: who is woken by the status finds it, and no observer of it stops the rest.
        diagnosis, log = self.diagnosis, self.progress
        if page is not None:
            log = self._read(page, build)
        if build.final and build.status != models.SUCCESS:
            diagnosis = self._diagnose(build)
        if self._seconds_here is None:
            self._seconds_here = time.monotonic() - self._begun
        if build.final:
            self._seconds = self._duration(build)
        with self.hold_trait_notifications():
            self.id = build.id
            self.region = build.region or self.region
            self.dockerfile_path = build.dockerfile_path or self.dockerfile_path
            self.context_hash = build.context_hash or self.context_hash
            self.image_uri = build.image_uri or ""
            self.error_message = build.error_message or ""
            self.trouble = ""
            self.status = build.status
            self.diagnosis, self.progress = diagnosis, log
            # Last: it tells other threads whether the build has ended.
            self.build = build

    def look_at_log(self) -> None:
        """Read the log, if somebody looks and there is more to come."""
        if self.viewers and self.status == models.BUILDING:
            self.read_log()

    def read_log(self) -> None:
        """Read the log once more, so that `transcript` and `progress` have what is new in it."""
        build = self.build
        if build is None:
            return
        page = self._ask_for_log(build.id)
        if page is not None:
            with self._updating:
                self.progress = self._read(page, build)

    def _ask_for_log(self, build_id: str) -> models.LogPage | None:
        """The log as the service gives it now; None where that cannot be read: what is known of it stands."""
        try:
            return self._client.build_logs(build_id, limit=READ)
        except PipecatError:
            return None

    def _read(self, page: models.LogPage, build: models.Build) -> Progress:
        """How far a build has come by its log."""
        self.transcript.take(page.lines, more=bool(page.next_token))
        self.log_complete = build.final
        return progress(self.transcript.lines, status=build.status)

    def _diagnose(self, build: models.Build) -> Diagnosis:
        """Why a build failed; without its log, its own message stands."""
        contexts = Record(self._client.target.account).contexts
        dockerfile = contexts.file_text(build.context_hash or "", build.dockerfile_path or "Dockerfile")
        return diagnose(self.transcript.lines, error=build.error_message or "", dockerfile=dockerfile)

    def _duration(self, build: models.Build) -> float:
        """All the seconds it took: until it existed measured here, then by the service's clock."""
        here = self._seconds_here if self.directory else 0.0
        if self.cached:
            return here or 0.0
        if here is None or build.created_at is None or build.completed_at is None:
            return time.monotonic() - self._begun
        return here + max(0.0, (build.completed_at - build.created_at).total_seconds())
