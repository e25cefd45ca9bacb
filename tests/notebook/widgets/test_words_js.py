"""Sizes and durations read the same wherever they are written: in Python and in a page."""

import pytest
from playwright.sync_api import Page

from pipecat_nb.notebook.widgets import BuildCard, BuildTable
from pipecat_nb.quantities import duration, size

#: Where rounding may go two ways: ties, and the limits between two forms.
SECONDS = [0, 0.04, 0.05, 0.15, 0.25, 0.35, 0.75, 1, 1.24, 9.94, 9.95, 9.96, 10.5, 11.5, 59.4, 59.5, 59.6, 60, 61]
SECONDS += [3599.4, 3599.5, 3599.6, 3600, 7325, 86400, 400000]
SIZES = [0, 1, 1023, 1024, 1280, 1792, 10_000, 10_239, 10_240, 12_800, 13_824, 1_000_000, 1_023_000, 1_023_488]
SIZES += [1024**2, 5 * 1024**2 // 4, 25 * 1024**2 // 2, 1000 * 1024**2, 5 * 1024**3, 10**13]


def test_durations(page: Page) -> None:
    seconds = SECONDS + [number / 8 for number in range(1000)] + [number / 20 for number in range(1000)]
    assert page.evaluate("all => all.map(words.duration)", seconds) == [duration(each) for each in seconds]


def test_sizes(page: Page) -> None:
    sizes = SIZES + [number * 128 for number in range(2000)] + [number * 2**17 for number in range(2000)]
    assert page.evaluate("all => all.map(words.size)", sizes) == [size(each) for each in sizes]


@pytest.mark.parametrize("widget", [BuildCard, BuildTable])
def test_each_widget_brings_them_once(widget: type[BuildCard | BuildTable]) -> None:
    for name in ("size", "duration", "number"):
        assert widget._esm.count(f"function {name}(") + widget._esm.count(f"const {name} =") == 1
