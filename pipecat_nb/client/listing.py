"""All builds that match, by pages asked for four at a time, complete although builds are created meanwhile."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pipecat_nb.client.places import Ranges, holes, union

#: The most builds that the service lists on one page.
PAGE = 100

#: Requests under way at a time.
AT_A_TIME = 4

#: How often what is missing is asked for before all is asked for anew, and how often that is done.
_ROUNDS, _LISTINGS = 5, 2

#: Seconds between two looks whether somebody interrupts, and for threads to end that nobody waits for any more.
_LOOK, _END = 0.25, 1.0

Row = Mapping[str, Any]
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of builds, as the service's JSON objects, and how many match in all, where the service says so."""

    rows: list[Row] = field(repr=False)
    total: int | None
    offset: int


class Ask(Protocol):
    """Gets one page, and tries nothing again once `stop` is set."""

    def __call__(self, *, offset: int, stop: threading.Event | None = None) -> Page: ...


def together(
    ask: Callable[[Asked, threading.Event], Answer],
    questions: Iterable[Asked],
    take: Callable[[Answer], None],
    *,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Ask all questions, four at a time; `take` gets the answers in this thread, as they come.

    The first error, or an interruption, ends it; what had come until then has been taken. `look` is called now and
    then while nothing comes.
    """
    todo = deque(questions)
    answers: queue.SimpleQueue[tuple[Answer | None, BaseException | None]] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        with suppress(IndexError):
            while not stop.is_set():
                question = todo.popleft()
                try:
                    answers.put((ask(question, stop), None))
                except BaseException as error:  # noqa: BLE001  it is raised in the thread that waits for it
                    answers.put((None, error))

    waiting = len(todo)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(AT_A_TIME, waiting))]
    problem: BaseException | None = None
    try:
        for thread in threads:
            thread.start()
        while waiting and problem is None:
            try:
                answer, problem = answers.get(timeout=_LOOK)
            except queue.Empty:
                look()
                continue
            waiting -= 1
            if problem is None:
                take(answer)  # type: ignore[arg-type]
    finally:
        stop.set()
        todo.clear()
        for thread in threads:
            # One whose request hangs is left: it is a daemon, and sends nothing more.
            thread.join(_END)
        with suppress(queue.Empty):
            while True:
                answer, failed = answers.get_nowait()
                if failed is None:
                    take(answer)  # type: ignore[arg-type]
    if problem is not None:
        raise problem


class Listing:
    """A list of builds that is being completed: `run()` asks for what `known` and `covered` leave out.

    After it, `whole` tells whether `rows` and the known ones are all that there are, not only those wanted.

    `known` are the ids of builds that need not come again, `covered` the places that they fill. Both are checked
    against what comes: where the service lists others there, or fewer in all, `trusted` becomes False, and all is
    asked for. `most` is how many of the newest are wanted; `enough` tells of a page whether what stands behind it
    is not wanted. After an interruption or an error, `rows` and `covered` say what came.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        known: Collection[str] = (),
        covered: Ranges = (),
        most: int | None = None,
        enough: Callable[[Page], bool] = lambda page: False,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._ask = ask
        self._known = set(known)
        self._kept = covered if known else ()
        self._most = most
        self._enough = enough
        self._progress = progress
        self._step = PAGE
        self._floor = 0
        self._meets = False
        self._unknown = 0
        self.rows: dict[str, Row] = {}
        self._nameless: dict[int, Row] = {}
        self.covered: Ranges = ()
        self.total = 0
        self.trusted = True
        self.begun = False
        self.whole = False

    def run(self) -> None:
        """Ask until all is there."""
        for _ in range(_LISTINGS):
            first = self._first()
            if first.total is None:
                self._in_turn(first)
                return
            if self._fill():
                return
            self._distrust()
        self._in_turn(self._ask(offset=0))

    @property
    def nameless(self) -> list[Row]:
        """The rows without an id; each is told from the others by its place."""
        return [*self._nameless.values()]

    @property
    def places(self) -> Ranges:
        """The places whose builds are among `rows` or the known ones."""
        return union([*self.covered, *self._kept])

    def _first(self) -> Page:
        self.total = self._floor = 0
        page = self._get(0, None)
        self.begun = True
        self.covered, self._nameless = (), {}
        self.total = page.total or 0
        self._step = max(1, len(page.rows) if len(page.rows) < self.total else PAGE)
        if self._most is not None:
            self._floor = max(self._floor, self.total - self._most)
        self._take(page)
        return page

    def _fill(self) -> bool:
        """Ask for what is missing; False where what came does not add up."""
        for _ in range(_ROUNDS):
            missing = self._missing()
            counted = self._count() == self.total
            if not missing or (counted and (self._meets or len(self.rows) == self.total)):
                if counted:
                    self.covered = ((0, self.total),)
                self.whole = counted
                return counted or self._floor > 0
            self._fetch(missing)
        return False

    def _missing(self) -> Ranges:
        if self._kept and (self._kept[-1][1] > self.total or self._count() > self.total):
            self._distrust()
        # What is kept must meet what comes: at its upper end one place is asked for again, to be compared.
        kept = [(begin, max(begin, end - 1)) for begin, end in self._kept]
        return holes([*self.covered, *kept], self._floor, self.total)

    def _fetch(self, missing: Ranges) -> None:
        places = [end for begin, last in missing for end in range(last, begin, -self._step) if end > self._floor]

        def ask(end: int, stop: threading.Event) -> Page | None:
            # By the total of now, which grows: pages that were not asked for yet move on with it.
            return self._get(end, stop) if end > self._floor else None

        def take(page: Page | None) -> None:
            if page is not None:
                self._take(page)

        if len(places) == 1:
            self._take(self._get(places[0], None))
        else:
            together(ask, places, take, look=self._tell)

    def _take(self, page: Page) -> None:
        if page.total is None:
            self._add(page.rows, page.offset + len(page.rows))
            return
        self.total = max(self.total, page.total)
        end = page.total - page.offset
        begin = end - len(page.rows)
        met = [_id(row) in self._known for number, row in enumerate(page.rows) if self._is_kept(end - 1 - number)]
        if met and not any(met):
            self._distrust()
        self._add(page.rows, end)
        self.covered = union([*self.covered, (begin, end)])
        self._tell()

    def _get(self, end: int, stop: threading.Event | None) -> Page:
        """The page that ends before a place. The thread that asks for it tells at once what is not wanted then."""
        page = self._ask(offset=self.total - end, stop=stop)
        if page.rows and page.total is not None and self._enough(page):
            self._floor = max(self._floor, page.total - page.offset - len(page.rows))
        return page

    def _add(self, rows: Iterable[Row], end: int) -> None:
        for place, row in enumerate(rows, 1 - end):
            name = _id(row)
            if not name:
                if place <= 0:  # or else they are more than there are: somebody knows no offsets
                    self._nameless[place] = row
                continue
            if name in self._known:
                self._meets = True
            elif name not in self.rows:
                self._unknown += 1
            self.rows[name] = row

    def _is_kept(self, place: int) -> bool:
        return any(begin <= place < end for begin, end in self._kept)

    def _count(self) -> int:
        return len(self._known) + self._unknown + len(self._nameless)

    def _distrust(self) -> None:
        """What is kept is not what the service lists: from here on only what comes counts."""
        self.trusted = self.trusted and not self._known
        self._known, self._kept, self._meets = set(), (), False
        self._unknown = len(self.rows)

    def _tell(self) -> None:
        wanted = self.total - self._floor
        self._progress(wanted - sum(end - begin for begin, end in self._missing()), wanted)

    def _in_turn(self, page: Page) -> None:
        """Page after page to the end: for a service that does not tell how many there are, or miscounts them."""
        self._distrust()
        self.covered, self._nameless = (), {}
        seen: set[str] = set()
        while not seen.issuperset(map(_id, page.rows)):  # what brings nothing new ends it: it may know no offsets
            seen.update(map(_id, page.rows))
            self._add(page.rows, page.offset + len(page.rows))
            offset = page.offset + len(page.rows)
            if len(page.rows) < PAGE if page.total is None else offset >= page.total:
                break
            if self._most is not None and offset >= self._most:
                return
            page = self._ask(offset=offset)
        self.whole = True


def _id(row: Row) -> str:
    name = row.get("id")
    return "" if name is None else str(name)
