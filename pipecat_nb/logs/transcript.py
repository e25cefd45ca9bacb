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
        self.more = more
        if self._is_earlier(page):
            return
        before, self._page = self._page, list(page)
        follows = _overlap(before, page)
        if follows is not None:
            # The last line may have been read before it was written to its end.
            if follows:
                self.lines[-1] = page[follows - 1]
            self.lines += page[follows:]
        elif len(page) >= self._limit:
            self.lost.append(len(self.lines))
            self.lines += page
        else:
            self.lines, self.lost = list(page), []
            self.generation += 1

    def _is_earlier(self, page: Sequence[str]) -> bool:
        """Whether a look, an answer that was late, shows less than the one before."""
        return len(page) < len(self._page) and self._page[: len(page)] == page[:]

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


def _overlap(before: Sequence[str], page: Sequence[str]) -> int | None:
    """How many lines of a look were in the one before; None where it does not go on from there."""
    if not before:
        return 0
    for shift in range(len(before)):
        # Of lines that repeat, as many as can be are taken for those that are known.
        known = len(before) - shift
        if known > len(page) or before[shift] != page[0]:
            if known == 1 and page and page[0].startswith(before[-1]):
                return 1
            continue
        if list(before[shift:-1]) == list(page[: known - 1]) and page[known - 1].startswith(before[-1]):
            return known
    return None
