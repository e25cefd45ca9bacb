"""The one thread that follows all builds of a client until they have ended."""

import logging
import random
import threading
import time
from collections.abc import Callable

from pipecat_nb.client import Client
from pipecat_nb.errors import NotFound, PipecatError
from pipecat_nb.lifecycle.handle import BuildHandle
from pipecat_nb.models import Build

_log = logging.getLogger(__name__)

#: Seconds between two looks: at first, at most, and how fast it grows.
FIRST, LONGEST, GROWTH = 1.0, 5.0, 1.2

#: The longest for a service on this machine, which has nobody else to serve.
LONGEST_HERE = 1.0

#: Who is told of each look: the builds that the service lists, the newest first, or why it lists none.
Listener = Callable[[tuple[Build, ...] | PipecatError], None]

#: Every so many looks one build is asked for by itself: only that request is documented to make the service
#: reconcile the status with its build system.
RECONCILE = 4


class Watcher:
    """Follows builds with one list request a look, from a daemon thread that lives while there is one to follow.

    Logs are read of those builds only that somebody looks at. Who listens is told what each look lists, and keeps
    the thread alive as a build does.

    A look that fails changes no build's status: its handles say why in `trouble`, and it is tried again.
    """

    def __init__(self, client: Client, *, jitter: Callable[[], float] = random.random) -> None:
        self._client = client
        self._jitter = jitter
        self._lock = threading.Lock()
        self._handles: list[BuildHandle] = []
        self._listeners: list[Listener] = []
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()
        self._closed = False
        #: Whether the next look is wanted now and not after a pause.
        self._at_once = False

    def follow(self, handle: BuildHandle) -> None:
        """Keep a handle up to date until its build has ended."""
        if handle.final or not handle.id:
            return
        with self._lock:
            if self._closed:
                return
            self._handles.append(handle)
            handle.followed = True
            self._keep_running()
        self._woken.set()

    def listen(self, listener: Listener) -> None:
        """Tell somebody of each look, from the watching thread, until `unlisten`; the next look comes at once.

        Who listens already is not told twice: listening again only brings the next look.
        """
        with self._lock:
            if self._closed:
                return
            if listener not in self._listeners:
                self._listeners.append(listener)
            self._at_once = True
            self._keep_running()
        self._woken.set()

    def unlisten(self, listener: Listener) -> None:
        """Tell somebody no more; a look that goes on may still be told."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)
        self._woken.set()

    def _keep_running(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pipecat_nb watcher", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Follow nothing any more; the builds go on."""
        with self._lock:
            self._closed = True
            for handle in self._handles:
                handle.followed = False
            self._handles.clear()
            self._listeners.clear()
            thread = self._thread
        self._woken.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def _run(self) -> None:
        pause, looks = FIRST, 0
        while True:
            pause = self._wait(pause)
            with self._lock:
                self._handles = [handle for handle in self._handles if not handle.final]
                if not self._needed:
                    self._thread = None
                    return
                handles, listeners = list(self._handles), list(self._listeners)
            looks += 1
            turn = turn_alone(looks, len(handles))
            try:
                self._look(handles, listeners, alone=None if turn is None else handles[turn])
            except Exception:  # noqa: BLE001  a fault in one look must not end the watching
                _log.exception("A look at the builds failed.")

    def _wait(self, pause: float) -> float:
        """Wait for the next look, and return the pause after it; a new build brings both back to the beginning."""
        due = time.monotonic() + pause * (0.8 + 0.4 * self._jitter())
        longest = LONGEST_HERE if self._client.is_local else LONGEST
        pause = min(longest, pause * GROWTH)
        while self._needed and not self._at_once and self._woken.wait(due - time.monotonic()):
            self._woken.clear()
            due, pause = min(due, time.monotonic() + FIRST), FIRST
        if self._at_once:
            self._at_once, pause = False, FIRST
        return pause

    @property
    def _needed(self) -> bool:
        return bool(self._handles or self._listeners)

    def _look(self, handles: list[BuildHandle], listeners: list[Listener], *, alone: BuildHandle | None) -> None:
        try:
            builds = tuple(self._client.list_builds(limit=100))
        except PipecatError as error:
            _tell_all(listeners, error)
            for handle in handles:
                _tell(handle, error.message)
            return
        _tell_all(listeners, builds)
        listed = {build.id: build for build in builds}
        for handle in handles:
            build = listed.get(handle.id)
            if build is None or (handle is alone and not build.final):
                _tell(handle, self._ask(handle))
            else:
                _tell(handle, build)
        for handle in handles:
            _safely(handle, handle.look_at_log)

    def _ask(self, handle: BuildHandle) -> Build | str:
        """The service's record of one build, or why there is none."""
        try:
            return self._client.get_build(handle.id)
        except NotFound:
            return f"The service does not know build {handle.id} any more."
        except PipecatError as error:
            return error.message


def turn_alone(looks: int, count: int) -> int | None:
    """Which of `count` builds is asked for by itself at a look; None at most looks. All come to their turn."""
    return looks // RECONCILE % count if count and looks % RECONCILE == 0 else None


def _tell_all(listeners: list[Listener], news: tuple[Build, ...] | PipecatError) -> None:
    for listener in listeners:
        try:
            listener(news)
        except Exception:  # noqa: BLE001  a fault of one listener must not end the watching
            _log.exception("A listener to the looks at the builds failed.")


def _tell(handle: BuildHandle, news: Build | str) -> None:
    """Hand a handle its build's record, or why there was none this time."""
    if isinstance(news, Build):
        _safely(handle, lambda: handle.update(news))
    else:
        _safely(handle, lambda: handle.set_trait("trouble", news))


def _safely(handle: BuildHandle, action: Callable[[], None]) -> None:
    """Do something to a handle: a fault of one of its observers must not end the watching of all other builds."""
    try:
        action()
    except Exception:  # noqa: BLE001
        _log.exception("An observer of build %s failed.", handle.id)
