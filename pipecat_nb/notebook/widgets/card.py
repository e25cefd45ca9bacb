"""The live card of a build: its state and its log, kept up to date in the page.

The page has the log's lines by their numbers, and asks for those that it has missed.
"""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import anywidget
from traitlets import Dict, Unicode

from pipecat_nb.notebook.refresher import Refresher, settled
from pipecat_nb.notebook.snapshot import Snapshot
from pipecat_nb.notebook.style import style
from pipecat_nb.notebook.widgets.scripts import joined, style_sheet
from pipecat_nb.text import coloured

if TYPE_CHECKING:
    from pipecat_nb.lifecycle import BuildHandle

#: Lines at the log's end that each update has, at least and at most: whoever missed others asks for them.
TAIL, MOST = 50, 500

#: Lines in each answer.
PIECE = 1000

_UNREAD = "The end of the log could not be read; it is tried again when the page is loaded again."

#: The longest line that is sent, in characters.
LONGEST = 10_000


class BuildCard(anywidget.AnyWidget):
    """The card of a build as a widget, to be put among others: it follows the build by itself until it is closed.

    `state` is what the card says and `log` the end of the build's log, both as the page gets them.
    """

    _esm = joined(
        "words.js", "log.js", "elements.js", "logrows.js", "logfinder.js", "logview.js", "cardview.js", "card.js"
    )
    _css = style() + style_sheet("card.css")

    key = Unicode(help="Tells the page which outputs are to become this card.").tag(sync=True)
    state = Dict(help="What the card says.").tag(sync=True)
    log = Dict(help="The log's last lines, and how many there are.").tag(sync=True)

    def __init__(self, handle: "BuildHandle", *, refresher: Refresher | None = None, **traits: Any) -> None:
        self.handle = handle
        #: Whether a page has shown it.
        self.seen = False
        self._refresher = refresher or Refresher()
        self._own_refresher = refresher is None
        # From whichever thread: the page is told one thing after another.
        self._telling = threading.RLock()
        key = uuid.uuid4().hex
        self._sent = (handle.transcript.generation, len(handle.transcript.lines))
        state, log = to_state(Snapshot.of(handle)), self._window(len(handle.transcript.lines))
        super().__init__(key=key, model_id=key, state=state, log=log, **traits)
        self.on_msg(self._answer)
        self._refresher.add(self)

    def __repr__(self) -> str:
        # What a saved notebook shows of it where it stands in a box of other widgets.
        return f"<BuildCard of {self.handle.name or self.handle.context_hash}: {self.handle.status}>"

    def refresh(self) -> None:
        """Tell the page what has changed."""
        with self._telling, self.hold_sync():
            state = to_state(Snapshot.of(self.handle))
            if _lasting(state) != _lasting(self.state):
                self.state = state
            generation, sent = self._sent
            transcript = self.handle.transcript
            # The last line that was sent may have been read half: it is sent once more.
            last = sent - 1 if transcript.generation == generation else -1
            log = self._window(max(0, last))
            if log != self.log:
                self._sent = (log["generation"], log["total"])
                if 0 <= last < log["first"]:
                    self._send_lines(last, last + 1)
                self.log = log

    def close(self) -> None:
        """Follow the build no more; in the page what the output says stays."""
        self._refresher.remove(self)
        # What the page says instead of that the kernel is gone.
        self.state = {**self.state, "gone": "No longer followed"}
        if self._own_refresher:
            self._refresher.close()
        super().close()
        self.layout.close()

    def _window(self, sent: int) -> dict[str, Any]:
        """The end of the log with all that is new since `sent` lines, as far as it is not too much."""
        transcript = self.handle.transcript
        total = len(transcript.lines)
        first = max(0, total - MOST, min(sent, total - TAIL))
        return {
            "generation": transcript.generation,
            "total": total,
            "first": first,
            "lines": _fit(transcript.lines[first:total]),
            "notice": self._notice(),
            "done": settled(self.handle),
        }

    def _notice(self) -> str:
        """What is missing of the log, in words."""
        handle = self.handle
        unread = handle.final and handle.transcript.lines and not handle.log_complete
        return "\n".join(filter(None, [handle.transcript.notice, _UNREAD if unread else ""]))

    def _answer(self, _: object, asked: dict[str, Any], __: object) -> None:
        if asked.get("kind") == "want":
            self._send_lines(int(asked.get("first", 0)), int(asked.get("last", 0)))
        elif asked.get("kind") == "mounted":
            self.seen = True
            with self._telling:  # a page that was reloaded does not know how long ago it was said
                self.state = to_state(Snapshot.of(self.handle))
            if self.handle.final and not self.handle.log_complete:
                threading.Thread(target=self._read_log, name="pipecat_nb log", daemon=True).start()

    def _send_lines(self, first: int, last: int) -> None:
        transcript = self.handle.transcript
        for begin in range(max(0, first), min(last, len(transcript.lines)), PIECE):
            lines = _fit(transcript.lines[begin : min(last, begin + PIECE)])
            self.send({"kind": "lines", "generation": transcript.generation, "first": begin, "lines": lines})

    def _read_log(self) -> None:
        """The log of a build that ended before anybody looked at it, or when it could not be read."""
        self.handle.read_log()
        self.refresh()


def to_state(snapshot: Snapshot) -> dict[str, Any]:
    """What a card says, as the page gets it."""
    return {
        "status": snapshot.word,
        "mood": snapshot.mood,
        "sign": snapshot.sign,
        "title": snapshot.title,
        "cached": snapshot.cached,
        "place": snapshot.place,
        "note": snapshot.note,
        "elapsed": None if snapshot.problem else snapshot.elapsed,
        "ticking": bool(snapshot.seen),
        "stages": [asdict(stage) for stage in snapshot.stage_words],
        "steps": [
            {
                "name": step.name,
                "position": step.position,
                "stage": step.stage,
                "state": step.state,
                "seconds": step.seconds,
                "lines": [list(span) for span in step.spans],
            }
            for step in snapshot.log_steps
        ],
        "facts": [[name, value] for name, value in (("image", snapshot.image_uri), ("id", snapshot.id)) if value],
        "warning": snapshot.warning,
        "why": snapshot.why,
        "failed_step": snapshot.failed_step,
        "excerpt": list(snapshot.excerpt),
        "log_tail": list(snapshot.log_tail),
        "advice": snapshot.advice,
        "next": snapshot.next_command,
        "trouble": snapshot.trouble,
    }


def _lasting(state: dict[str, Any]) -> dict[str, Any]:
    """A state without what only the passing of time changes, which the page counts by itself."""
    if not state["ticking"]:
        return state
    stages = [{**stage, "seconds": None} if stage["state"] == "active" else stage for stage in state["stages"]]
    return {**state, "elapsed": None, "stages": stages}


def _fit(lines: Sequence[str]) -> list[str]:
    return [coloured(line, limit=LONGEST) for line in lines]
