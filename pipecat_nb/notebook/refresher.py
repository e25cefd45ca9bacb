"""Refreshes what shows builds: at most four times a second, and at their end at once."""

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from traitlets import Bunch

if TYPE_CHECKING:
    from pipecat_nb.lifecycle import BuildHandle

_log = logging.getLogger(__name__)

#: Seconds between two refreshes of what changes, at least and at most: at most because time goes on.
QUICKEST, SLOWEST = 0.25, 1.0


class View(Protocol):
    """What shows one build somewhere."""

    handle: "BuildHandle"

    def refresh(self) -> None:
        """Show how the build stands now."""


def settled(handle: "BuildHandle") -> bool:
    """Whether nothing about the build changes any more."""
    return handle.final or bool(handle.problem)


class Refresher:
    """Keeps views up to date until their builds have ended.

    The end of a build is shown in the thread that learns of it, before anybody who waits for it goes on: a kernel
    that is shut down right then has sent it. All before that is shown by a thread that lives while builds go on.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._views: list[View] = []
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, view: View) -> None:
        """Keep a view up to date from now on."""
        handle = view.handle
        with self._lock:
            if self._closed.is_set():
                return
            if all(other.handle is not handle for other in self._views):
                handle.observe(self._on_change)
            self._views.append(view)
            handle.begin_viewing()
            if self._thread is None and not settled(handle):
                self._thread = threading.Thread(target=self._run, name="pipecat_nb refresher", daemon=True)
                self._thread.start()
        # What changed between the first sight and the observing, its end perhaps.
        self._on_change(Bunch(owner=handle))

    def remove(self, view: View) -> None:
        """Leave a view as it is from now on."""
        with self._lock:
            if view not in self._views:
                return
            self._views.remove(view)
            view.handle.end_viewing()
            if all(other.handle is not view.handle for other in self._views):
                view.handle.unobserve(self._on_change)

    def refresh(self) -> None:
        """Show how all builds stand now: when a cell has ended, its kernel may end too."""
        with self._lock:
            for view in self._views:
                _safely(view)

    def close(self) -> None:
        """Refresh nothing any more."""
        self._closed.set()
        self._changed.set()
        with self._lock:
            for view in [*self._views]:
                self.remove(view)
            thread = self._thread
        if thread is not None:
            thread.join(timeout=5)

    def _on_change(self, change: Bunch) -> None:
        if settled(change.owner):
            self._end(change.owner)
        else:
            self._changed.set()

    def _end(self, handle: "BuildHandle") -> None:
        """Show the end of a build, once, in all its views."""
        with self._lock:
            for view in [view for view in self._views if view.handle is handle]:
                _safely(view)
                self.remove(view)

    def _run(self) -> None:
        while True:
            self._changed.wait(SLOWEST)
            self._changed.clear()
            with self._lock:
                if not self._views:
                    self._thread = None
                    return
                self.refresh()
            self._closed.wait(QUICKEST)


def _safely(view: View) -> None:
    """Refresh a view: a fault of one, or of somebody's observer, must not end the refreshing of all others."""
    try:
        view.refresh()
    except Exception:  # noqa: BLE001
        _log.exception("A view of build %s could not be refreshed.", view.handle.id)
