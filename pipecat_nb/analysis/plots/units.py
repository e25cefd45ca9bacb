"""Units that fit: of an axis, of a value in words, of ticks. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit's name, and how many seconds or bytes it has."""

    name: str
    each: float


TIME = (Unit("s", 1), Unit("min", 60), Unit("h", 3600))

#: 1024 to a step, as in the service's limit of 500 MB.
SIZE = (Unit("B", 1), Unit("kB", 1024), Unit("MB", 1024**2), Unit("GB", 1024**3), Unit("TB", 1024**4))


def unit_for(largest: float, units: Sequence[Unit] = TIME) -> Unit:
    """The unit for an axis that goes so far: the largest one of which there are two."""
    return next((unit for unit in reversed(units) if largest >= 2 * unit.each), units[0])


def words(value: float, units: Sequence[Unit] = TIME) -> str:
    """A value in the largest unit of which there is one, with two digits at least: `2.1 min`, `48 MB`."""
    unit = next((unit for unit in reversed(units) if value >= unit.each), units[0])
    number = value / unit.each
    if unit.each == 1 and number == round(number):
        return f"{number:.0f} {unit.name}"
    return f"{number:.1f} {unit.name}" if number < 9.95 else f"{number:,.0f} {unit.name}"


def size_ticks(low: float, high: float, *, most: int = 8) -> list[float]:
    """Round sizes (1, 2, 5, 10 … kB, MB, GB) between two, at most so many, evenly on a logarithmic scale."""
    for digits in ((1, 2, 5, 10, 20, 50, 100, 200, 500), (1, 10, 100), (1,)):
        ticks = [digit * unit.each for unit in SIZE for digit in digits if low <= digit * unit.each <= high]
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]
