"""Builds what is queued: unpack, run the engine, keep its log, tell how it ended."""

import logging
import queue
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pipecat_nb.errors import EngineError, EngineNotFound
from pipecat_nb.models import BUILDING, FAILED, PENDING, SUCCESS, TIMEOUT, Build
from pipecat_nb.service.builds import image_name, log_file
from pipecat_nb.service.engines import BUSY_LIMIT, EngineChoice
from pipecat_nb.service.logs import LogWriter
from pipecat_nb.service.process import ProcessTree, Stopped
from pipecat_nb.service.storage import context_file
from pipecat_nb.service.store import Store
from pipecat_nb.service.unpack import UnsafeArchive, unpack
from pipecat_nb.text import without_dump

STOPPED = "The local service was stopped while this build ran; start it again."

#: Seconds from one try to write to the database to the next.
_RETRY_PAUSE = 1.0

#: The longest error message, in characters; the log has all of it.
_MESSAGE_LIMIT = 1000

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


class Workers:
    """Builds in `count` threads, in the order of the queue; one build may take `timeout` seconds."""

    def __init__(
        self,
        *,
        store: Store,
        contexts: Path,
        logs: Path,
        work: Path,
        engine: EngineChoice,
        clock: Callable[[], datetime],
        timeout: float,
        count: int,
    ) -> None:
        self._store = store
        self._contexts = contexts
        self._logs = logs
        self._work = work
        self._engine = engine
        self._clock = clock
        self._timeout = timeout
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._running: set[ProcessTree] = set()
        self._threads = [
            threading.Thread(target=self._work_off, name=f"builder-{number}", daemon=True)
            for number in range(count)
        ]

    def start(self) -> None:
        """Take up what an earlier service left: what waited is queued again, what ran has failed."""
        for build in self._store.with_status(BUILDING):
            ending = self._ending(build, status=FAILED, error_message=STOPPED)
            self._store.change_build(build.id, expected=BUILDING, **ending)
        for build in self._store.with_status(PENDING):
            self.enqueue(build.id)
        for thread in self._threads:
            thread.start()

    def enqueue(self, build_id: str) -> None:
        """Build this one when its turn comes."""
        self._queue.put(build_id)

    def stop(self) -> None:
        """End what runs, with all of its processes; what waits stays queued for the next service."""
        self._stopping.set()
        with self._lock:
            running = list(self._running)
        for processes in running:
            processes.stop()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work_off(self) -> None:
        while (build_id := self._queue.get()) is not None and not self._stopping.is_set():
            try:
                self._build(build_id)
            except Exception:  # noqa: BLE001  the thread must go on for the builds that follow
                _log.exception("build %s", build_id)

    def _build(self, build_id: str) -> None:
        build = self._begin(build_id)
        if build is None:
            return
        processes = ProcessTree()
        with self._lock:
            self._running.add(processes)
        if self._stopping.is_set():
            processes.stop()  # it was not yet among the running ones when those were stopped
        timer = threading.Timer(self._timeout, processes.stop)
        timer.daemon = True
        timer.start()
        try:
            outcome = self._outcome(build, processes=processes)
        finally:
            timer.cancel()
            with self._lock:
                self._running.discard(processes)
        ending = self._ending(build, **outcome)
        self._persist(lambda: self._store.change_build(build.id, expected=BUILDING, **ending))

    def _begin(self, build_id: str) -> Build | None:
        """The build of this id, now building; None for one that does not wait, or when the service stops."""
        now = self._clock()
        if self._persist(
            lambda: self._store.change_build(
                build_id, expected=PENDING, status=BUILDING, started_at=now, updated_at=now
            )
        ):
            return self._persist(lambda: self._store.build(build_id))
        return None

    def _persist(self, action: Callable[[], _T]) -> _T | None:
        """What the database answers, as soon as it does; None if the service stops before.

        A full disk may have room again; a build whose status is lost until the next start is waited for in vain.
        """
        while True:
            try:
                return action()
            except sqlite3.Error as error:
                _log.error("The database refuses, and is asked again: %s", error)
                if self._stopping.wait(_RETRY_PAUSE):
                    return None

    def _outcome(self, build: Build, *, processes: ProcessTree) -> dict[str, Any]:
        """Build it, and say how that ended: the attributes that change."""
        file = log_file(self._logs, build.id)
        status = FAILED
        try:
            with LogWriter(file) as log:
                return {"status": SUCCESS, **self._image(build, log=log, processes=processes)}
        except EngineNotFound as error:
            message = f"{error.message} {error.hint}"
        except EngineError as error:
            # The engine's own words: they stand in the log already.
            return {"status": FAILED, "error_message": _one_line(error.message)}
        except UnsafeArchive as error:
            message = str(error)
        except Stopped:
            if self._stopping.is_set():
                message = STOPPED
            else:
                status = TIMEOUT
                message = f"The build was stopped at the time limit of {self._timeout:g} s."
        except Exception as error:  # noqa: BLE001  a bug of ours must not leave a build that never ends
            _log.exception("build %s", build.id)
            message = f"The local service failed: {error!r}"
        # A log that cannot be written, on a full disk, is no reason not to tell how the build ended.
        with suppress(OSError), LogWriter(file) as log:
            log.write(f"ERROR: {_one_line(message)}")
        return {"status": status, "error_message": _one_line(message)}

    def _image(self, build: Build, *, log: LogWriter, processes: ProcessTree) -> dict[str, Any]:
        engine = self._engine.get()
        log.write(f"Container engine: {engine.name} {engine.version}")
        tag, dockerfile = image_name(build), str(build.dockerfile_path)
        with tempfile.TemporaryDirectory(dir=self._work, prefix="context-", ignore_cleanup_errors=True) as name:
            context = Path(name)
            archive = context_file(self._contexts, self._store.context_md5(build.id))
            unpack(archive, context, check=processes.check)
            if not (context / dockerfile).is_file():
                raise UnsafeArchive(f"The context has no file {dockerfile!r} to build from.")
            with closing(engine.build(context, dockerfile=dockerfile, tag=tag, processes=processes)) as lines:
                for line in lines:
                    log.write(line)
        size = engine.image_size(tag, limit=BUSY_LIMIT)
        if size is None:
            raise EngineError(f"{engine.name} has no image {tag} after building it.")
        return {"image_uri": tag, "image_size": size}

    def _ending(self, build: Build, **outcome: Any) -> dict[str, Any]:
        now = self._clock()
        seconds = round((now - (build.started_at or now)).total_seconds())
        return {"completed_at": now, "updated_at": now, "build_seconds": seconds, **outcome}


def _one_line(message: str) -> str:
    # What is left out here the log has.
    return " ".join(without_dump(message).split())[:_MESSAGE_LIMIT]
