"""Shows builds while they go on: cards that are refreshed in a notebook, lines in a terminal."""

import contextlib
import threading
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from traitlets import Bunch

from pipecat_nb.notebook import card
from pipecat_nb.notebook.refresher import Refresher, settled
from pipecat_nb.notebook.snapshot import Snapshot

if TYPE_CHECKING:
    from IPython.core.displaypub import DisplayPublisher

    from pipecat_nb.lifecycle import BuildHandle
    from pipecat_nb.notebook.widgets import BuildCard

#: Live cards that are kept for builds that have ended, with their logs; of older ones the outputs stay.
KEPT = 50


class Screen(Protocol):
    """Where builds are shown."""

    def show(self, handle: "BuildHandle") -> None:
        """Show a build, and keep what is shown up to date until it has ended."""

    def flush(self) -> None:
        """Show how all builds stand now: when a cell has ended, its kernel may end too."""

    def close(self) -> None:
        """Refresh nothing any more."""


class Cards:
    """Cards in a notebook, refreshed also when their cell has long ended.

    A card is a cell's output, HTML and plain text: what a saved notebook has, wherever it is read. Where somebody
    sits before it, a widget without an output of its own makes it a live one.
    """

    def __init__(self, publisher: "Callable[[], DisplayPublisher]", *, attended: Callable[[], bool]) -> None:
        self._publisher = publisher
        self._attended = attended
        self._refresher = Refresher()
        self._live: dict[BuildHandle, BuildCard] = {}

    def show(self, handle: "BuildHandle") -> None:
        output = _Output(handle, self._publisher(), self._live_card(handle) if self._attended() else None)
        output.publish()
        self._refresher.add(output)

    def flush(self) -> None:
        self._refresher.refresh()

    def close(self) -> None:
        self._refresher.close()
        for live in self._live.values():
            live.close()
        self._live.clear()

    def _live_card(self, handle: "BuildHandle") -> "BuildCard":
        from pipecat_nb.notebook.widgets import BuildCard  # noqa: PLC0415  ipywidgets comes with it

        live = self._live.get(handle)
        if live is None or live.comm is None:  # closed by somebody's `Widget.close_all`
            live = self._live[handle] = BuildCard(handle, refresher=self._refresher)
            ended = [other for other in self._live if settled(other) and other is not handle]
            for other in ended[: max(0, len(ended) - KEPT)]:
                self._live.pop(other).close()
        return live


class _Output:
    """The output of a cell that shows a build."""

    def __init__(self, handle: "BuildHandle", publisher: "DisplayPublisher", live: "BuildCard | None") -> None:
        self.handle = handle
        self._publisher = publisher
        self._live = live
        self._display_id = uuid.uuid4().hex
        self._content: dict[str, str] = {}
        self._told: tuple[str, ...] = ()

    def publish(self) -> None:
        """Show it for the first time."""
        self._content, self._told = self._bundle(), self._telling()
        self._send(update=False)

    def refresh(self) -> None:
        # Who looks at a live card sees each change there; what is saved has to know what the build came to.
        if self._live is not None and self._live.seen and self._telling() == self._told:
            return
        content = self._bundle()
        if content != self._content:
            self._content, self._told = content, self._telling()
            # A front end that is gone must not end the thread that follows the builds.
            with contextlib.suppress(Exception):
                self._send(update=True)

    def _telling(self) -> tuple[str, ...]:
        return self.handle.status, self.handle.id, self.handle.problem

    def _bundle(self) -> dict[str, str]:
        snapshot = Snapshot.of(self.handle)
        model = self._live.key if self._live is not None else ""
        html = card.html(snapshot, model=model, display=self._display_id)
        return {"text/html": html, "text/plain": card.text(snapshot)}

    def _send(self, *, update: bool) -> None:
        transient = {"display_id": self._display_id}
        self._publisher.publish(data=self._content, transient=transient, update=update)


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
