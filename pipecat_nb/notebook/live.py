"""Shows builds while they go on: cards that are refreshed in a notebook, lines in a terminal."""

import contextlib
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from traitlets import Bunch

from pipecat_nb.notebook import card
from pipecat_nb.notebook.card import Snapshot

if TYPE_CHECKING:
    from IPython.core.displaypub import DisplayPublisher

    from pipecat_nb.lifecycle import BuildHandle

#: Seconds between two refreshes of what changes, at least and at most: at most because time goes on.
QUICKEST, SLOWEST = 0.25, 1.0


class Screen(Protocol):
    """Where builds are shown."""

    def show(self, handle: "BuildHandle") -> None:
        """Show a build, and keep what is shown up to date until it has ended."""

    def flush(self) -> None:
        """Show how all builds stand now: when a cell has ended, its kernel may end too."""

    def close(self) -> None:
        """Refresh nothing any more."""


def bundle(handle: "BuildHandle") -> dict[str, str]:
    """A build's card for every front end: HTML and plain text."""
    snapshot = Snapshot.of(handle)
    return {"text/html": card.html(snapshot), "text/plain": card.text(snapshot)}


def settled(handle: "BuildHandle") -> bool:
    """Whether nothing about the build changes any more."""
    return handle.final or bool(handle.problem)


@dataclass(eq=False)
class _Shown:
    """A card on the screen: of which build, under which display id, sent by what, and what it shows now."""

    handle: "BuildHandle"
    display_id: str
    publisher: "DisplayPublisher"
    content: dict[str, str]


class Cards:
    """Cards in a notebook, refreshed at most four times a second, also when their cell has long ended.

    The end of a build is shown in the thread that learns of it, before anybody who waits for it goes on: a kernel
    that is shut down right then has sent it. All before that is shown by a thread that lives while builds go on.
    """

    def __init__(self, publisher: "Callable[[], DisplayPublisher]") -> None:
        self._publisher = publisher
        self._lock = threading.RLock()
        self._shown: list[_Shown] = []
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def show(self, handle: "BuildHandle") -> None:
        handle.looked_at = True
        shown = _Shown(handle, uuid.uuid4().hex, self._publisher(), bundle(handle))
        _publish(shown, update=False)
        if settled(handle) or self._closed.is_set():
            return
        with self._lock:
            if all(other.handle is not handle for other in self._shown):
                handle.observe(self._on_change)
            self._shown.append(shown)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pipecat_nb cards", daemon=True)
                self._thread.start()
        # What changed between the first sight and the observing.
        self._on_change(Bunch(owner=handle))

    def flush(self) -> None:
        with self._lock:
            for shown in self._shown:
                self._refresh(shown)

    def close(self) -> None:
        self._closed.set()
        self._changed.set()
        with self._lock:
            for handle in {shown.handle for shown in self._shown}:
                handle.unobserve(self._on_change)
            self._shown.clear()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=5)

    def _on_change(self, change: Bunch) -> None:
        if settled(change.owner):
            self._end(change.owner)
        else:
            self._changed.set()

    def _end(self, handle: "BuildHandle") -> None:
        """Show the end of a build, once, on all its cards."""
        with self._lock:
            ended = [shown for shown in self._shown if shown.handle is handle]
            if ended:
                handle.unobserve(self._on_change)
            for shown in ended:
                self._refresh(shown)
                self._shown.remove(shown)

    def _run(self) -> None:
        while True:
            self._changed.wait(SLOWEST)
            self._changed.clear()
            with self._lock:
                if not self._shown:
                    self._thread = None
                    return
                self.flush()
            self._closed.wait(QUICKEST)

    def _refresh(self, shown: _Shown) -> None:
        content = bundle(shown.handle)
        if content != shown.content:
            shown.content = content
            # A front end that is gone must not end the thread that follows the builds.
            with contextlib.suppress(Exception):
                _publish(shown, update=True)


def _publish(shown: _Shown, *, update: bool) -> None:
    shown.publisher.publish(data=shown.content, transient={"display_id": shown.display_id}, update=update)


#: The traits whose changes are worth a line.
_TOLD = ["status", "problem"]


class Lines:
    """Lines in a terminal: one for each change of a build's status, and its card when it has ended."""

    def __init__(self, write: Callable[[str], None] = print) -> None:
        self._write = write
        self._lock = threading.RLock()
        self._handles: list[BuildHandle] = []

    def show(self, handle: "BuildHandle") -> None:
        with self._lock:
            if handle not in self._handles:
                self._handles.append(handle)
                handle.observe(self._on_change, _TOLD)
            self._tell(handle)

    def flush(self) -> None:
        """Nothing is held back: a line is written in the moment of the change."""

    def close(self) -> None:
        with self._lock:
            for handle in self._handles:
                handle.unobserve(self._on_change, _TOLD)
            self._handles.clear()

    def _on_change(self, change: Bunch) -> None:
        with self._lock:
            if change.owner in self._handles:
                self._tell(change.owner)

    def _tell(self, handle: "BuildHandle") -> None:
        ended = settled(handle)
        if ended:
            self._handles.remove(handle)
            handle.unobserve(self._on_change, _TOLD)
        snapshot = Snapshot.of(handle)
        # A terminal that is gone must not end the thread that follows the builds.
        with contextlib.suppress(OSError, ValueError):
            self._write(card.text(snapshot) if ended else card.line(snapshot))
