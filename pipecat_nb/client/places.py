"""Places in a list that grows at its front, counted from the oldest entry, which is 0. Pure.

An offset counts from the newest: with each build that is created, another build has it. Counted from the other end
every build keeps its place, so what was read at different times can be put together.
"""

from collections.abc import Iterable

#: Half-open ranges of places.
Ranges = tuple[tuple[int, int], ...]


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same places in as few ranges as can be, in order."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(each for each in ranges if each[0] < each[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return tuple(found)


def holes(ranges: Iterable[tuple[int, int]], begin: int, end: int) -> Ranges:
    """The places from `begin` to before `end` that are in none of the ranges, the newest first."""
    left: list[tuple[int, int]] = []
    for first, last in union(ranges):
        if begin < min(first, end):
            left.append((begin, min(first, end)))
        begin = max(begin, last)
    if begin < end:
        left.append((begin, end))
    return tuple(reversed(left))
