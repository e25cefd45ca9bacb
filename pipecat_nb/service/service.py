"""One local service on one state directory: its parts, put together."""

import hashlib
import hmac
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pipecat_nb.models import CONTEXT_LIMIT
from pipecat_nb.service.builds import UPLOAD_KEPT, Builds
from pipecat_nb.service.engines import EngineChoice
from pipecat_nb.service.presigned import PostSigner
from pipecat_nb.service.state import StateDirectory
from pipecat_nb.service.storage import PARTIAL, context_file
from pipecat_nb.service.store import Store
from pipecat_nb.service.worker import Workers

#: Seconds that a build may take when nothing else is said.
BUILD_TIMEOUT = 3600.0

WORKERS = 2


_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Activity:
    """When the service was last asked for anything, and whether it is being asked right now."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._requests = 0
        self._last = now()

    @contextmanager
    def request(self) -> Iterator[None]:
        with self._lock:
            self._requests += 1
        try:
            yield
        finally:
            with self._lock:
                self._requests -= 1
                self._last = self._now()

    def touch(self) -> None:
        """Count from now on."""
        with self._lock:
            self._last = self._now()

    def idle_seconds(self) -> float:
        with self._lock:
            return 0.0 if self._requests else self._now() - self._last


class Service:
    """A local Pipecat Cloud, to be entered and left once.

    On entering, builds that waited when an earlier service ended are queued again; builds that ran then have
    failed, and say so. On leaving, builds that run are stopped with all of their processes and have failed, and
    builds that wait stay queued for the next service. `clock` gives aware UTC times, `context_limit` is in bytes.
    """

    def __init__(
        self,
        state: StateDirectory,
        *,
        engine: EngineChoice | None = None,
        clock: Callable[[], datetime] = utc_now,
        build_timeout: float = BUILD_TIMEOUT,
        workers: int = WORKERS,
        context_limit: int = CONTEXT_LIMIT,
    ) -> None:
        self._state = state
        self._clock = clock
        self.activity = Activity()
        self.token = state.token()
        engine = engine or EngineChoice()
        self._store = Store(state.database)
        self._workers = Workers(
            store=self._store,
            contexts=state.contexts,
            logs=state.logs,
            work=state.work,
            engine=engine,
            clock=clock,
            timeout=build_timeout,
            count=workers,
        )
        # One secret is kept; the one of the storage follows from it.
        secret = hmac.digest(self.token.reveal().encode(), b"pre-signed uploads", hashlib.sha256)
        self.builds = Builds(
            store=self._store,
            signer=PostSigner(secret, limit=context_limit),
            contexts=state.contexts,
            logs=state.logs,
            engine=engine,
            clock=clock,
            enqueue=self._workers.enqueue,
        )

    def __enter__(self) -> Self:
        self._sweep()
        self._workers.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.stop()
        self._store.close()

    def idle_seconds(self) -> float:
        """Seconds without a request and without a build that waits or runs."""
        if self._store.unfinished():
            self.activity.touch()
        return self.activity.idle_seconds()

    def _sweep(self) -> None:
        """Remove what an earlier service left: half uploads, unpacked contexts, archives that nothing needs."""
        self._store.forget_uploads(before=self._clock() - UPLOAD_KEPT)
        used = {context_file(self._state.contexts, md5) for md5 in self._store.contexts_in_use()}
        for file in self._state.contexts.iterdir():
            if file.name.endswith(PARTIAL) or file not in used:
                _remove(file)
        for directory in self._state.work.iterdir():
            _remove(directory)


def _remove(path: Path) -> None:
    """Remove what can be removed; what cannot is no reason not to start."""
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except (OSError, RecursionError) as error:
        _log.warning("%s cannot be removed: %s", path, error)
