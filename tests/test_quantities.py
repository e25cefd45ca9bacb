"""Sizes, durations and counts as people read them."""

import pytest

from pipecat_nb.quantities import ago, duration, files, size


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 kB"),
        (300_000, "293 kB"),
        (1_048_000, "1.0 MB"),
        (500 * 1024**2, "500 MB"),
        (3 * 1024**4, "3072 GB"),
    ],
)
def test_sizes(count: int, said: str) -> None:
    assert size(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "<0.1 s"),
        (0.05, "0.1 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (3599.4, "59 min 59 s"),
        (3720, "1 h 02 min"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_one_file_is_one() -> None:
    assert (files(1), files(1234)) == ("1 file", "1,234 files")


def test_how_long_ago() -> None:
    said = {-5: "just now", 9: "just now", 42: "42 s ago", 60: "1 min ago", 7199: "1 h ago", 200_000: "2 d ago"}
    assert {seconds: ago(seconds) for seconds in said} == said
