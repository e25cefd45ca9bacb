"""What a panel does beside the kernel's own work: in threads that end when it is done."""

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)

Action = Callable[[], None]


class Jobs:
    """Runs actions in threads of their own, of each kind one at a time.

    While one goes on, the last one asked for waits: those between are out of date. `failed` is told, in the
    thread, what an action raised.
    """

    def __init__(self, *, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._next: dict[str, Action] = {}
        self._closed = False

    def run(self, kind: str, action: Action) -> None:
        """Do it now, or when what goes on of its kind has ended."""
        with self._lock:
            if self._closed:
                return
            if kind in self._threads:
                self._next[kind] = action
                return
            name = f"pipecat_nb panel {kind}"
            thread = threading.Thread(target=self._run, args=(kind, action), name=name, daemon=True)
            self._threads[kind] = thread
            thread.start()

    def busy(self, kind: str) -> bool:
        """Whether an action of this kind goes on."""
        with self._lock:
            return kind in self._threads

    def close(self, *, timeout: float = 5) -> None:
        """Begin nothing any more, and wait for what goes on, together at most so many seconds for each kind."""
        with self._lock:
            self._closed = True
            self._next.clear()
            threads = [*self._threads.values()]
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout)

    def _run(self, kind: str, action: Action | None) -> None:
        while action is not None:
            try:
                action()
            except Exception as error:  # noqa: BLE001  whatever it is, somebody must see it
                self._tell(error)
            with self._lock:
                action = self._next.pop(kind, None)
                if action is None:
                    del self._threads[kind]

    def _tell(self, error: Exception) -> None:
        try:
            self._failed(error)
        except Exception:  # noqa: BLE001  a fault in the telling must not leave the kind busy for ever
            _log.exception("What an action of the panel raised could not be shown: %r", error)
