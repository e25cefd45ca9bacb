"""Places counted from the oldest: ranges put together, and what they leave out."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.client.places import holes, union

RANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


def places(ranges: object) -> set[int]:
    return {place for begin, end in ranges for place in range(begin, end)}  # type: ignore[attr-defined]


@given(RANGES)
def test_a_union_has_the_same_places_apart_and_in_order(ranges: list[tuple[int, int]]) -> None:
    found = union(ranges)
    assert places(found) == places(ranges)
    assert all(first[1] < second[0] for first, second in pairwise(found))


@given(RANGES, st.integers(0, 30), st.integers(0, 30))
def test_holes_are_what_no_range_has_the_newest_first(ranges: list[tuple[int, int]], begin: int, end: int) -> None:
    found = holes(ranges, begin, end)
    assert places(found) == set(range(begin, end)) - places(ranges)
    assert list(found) == sorted(found, reverse=True)
