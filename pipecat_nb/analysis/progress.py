"""A bar for what takes longer than a moment."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

#: Seconds without a bar: what is done by then needs none.
DELAY = 2.0


class Progress:
    """A bar of builds that have come, from two seconds on; it is closed when the block ends."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, bar: Callable[..., Any] | None = None
    ) -> None:
        self._clock = clock
        self._make = bar or _bar
        self._begun = clock()
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        """So many of so many are there."""
        if self._bar is None:
            if self._clock() - self._begun < DELAY:
                return
            self._bar = self._make(total=total, initial=done)
        self._bar.total = total
        self._bar.update(done - self._bar.n)


def _bar(*, total: int, initial: int) -> Any:
    from tqdm.auto import tqdm  # noqa: PLC0415  most histories are there before it would be imported

    class Bar(tqdm):  # type: ignore[misc]
        monitor_interval = 0  # its thread would outlive the bar

    return Bar(total=total, initial=initial, unit=" builds", desc="history", leave=False)
