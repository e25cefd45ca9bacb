"""A log that is read again and again while it grows, as one: each line once, in order. Pure."""

from collections.abc import Sequence


class Transcript:
    """The lines of one log, put together from looks at it.

    A look may give all lines so far, or only the first or the last ones of a long log: what follows upon the lines
    of the look before is taken over. Where a look shows none of them, lines may have been lost in between, and
    `lost` says before which.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._page: list[str] = []
        self.lines: list[str] = []
        #: Goes up when the log is another one, of which nothing was known.
        self.generation = 1
        #: Numbers of lines before which others may be missing.
        self.lost: list[int] = []
        #: Whether the service has said that there are more lines than it gives.
        self.more = False

    def take(self, page: Sequence[str], *, more: bool = False) -> None:
        """Take over what a look gave; `more` if the service says that there are more lines."""
        page = list(page)
        self.more = more
        if self._is_earlier(page):
            return
        before, self._page = self._page, page
        follows = _overlap(before, page)
        if follows is not None:
            # The last line may have been read before it was written to its end.
            if follows:
                self.lines[-1] = page[follows - 1]
            self.lines += page[follows:]
        elif more or len(page) >= min(len(before), self._limit):
            self.lost.append(len(self.lines))
            self.lines += page
        else:
            self.lines, self.lost = page.copy(), []
            self.generation += 1

    def _is_earlier(self, page: list[str]) -> bool:
        """Whether a look, an answer that was late, shows less than the one before."""
        return len(page) < len(self._page) and self._page[: len(page)] == page

    @property
    def notice(self) -> str:
        """What is not here, in words; empty where nothing is missing."""
        said = [
            f"Lines may be missing before line {number + 1:,}: more were written between two looks than the "
            f"{self._limit:,} that the service gives at once."
            for number in self.lost
        ]
        # Of a log that was followed from its beginning more is known than the service gives at once.
        if self.more and len(self.lines) == len(self._page):
            said.append(f"The service says that there are more lines than the {len(self._page):,} that it gives.")
        return "\n".join(said)


def _overlap(before: list[str], page: list[str]) -> int | None:
    """How many lines of a look were in the one before; None where it does not go on from there."""
    if not before:
        return 0
    # Most looks show all that the one before showed, and more.
    if page[: len(before) - 1] == before[:-1] and _goes_on(before[-1], page, len(before) - 1):
        return len(before)
    if known := _longest(before, page):
        return known
    known = _longest(before[:-1], page)
    if (known or before[-1]) and _goes_on(before[-1], page, known):
        return known + 1
    return None


def _goes_on(line: str, page: list[str], number: int) -> bool:
    """Whether a look has, at a number, a line that may have been read half before."""
    return number < len(page) and page[number].startswith(line)


def _longest(before: list[str], page: list[str]) -> int:
    """How many of a look's first lines are the last ones before: the most, of lines that repeat.

    By Knuth, Morris and Pratt: a log may have the same line ten thousand times.
    """
    border = [0] * len(page)
    length = 0
    for number in range(1, len(page)):
        while length and page[number] != page[length]:
            length = border[length - 1]
        length += page[number] == page[length]
        border[number] = length
    length = 0
    for line in before[-len(page) :] if page else []:
        while length and (length == len(page) or line != page[length]):
            length = border[length - 1]
        length += line == page[length]
    return length
