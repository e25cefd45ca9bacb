"""The bar of what takes long."""

from typing import Any

import pytest

from pipecat_nb.analysis.progress import Progress


class Bar:
    def __init__(self, *, total: int, initial: int) -> None:
        self.total, self.n, self.closed = total, initial, False

    def update(self, more: int) -> None:
        self.n += more

    def close(self) -> None:
        self.closed = True


def test_a_bar_comes_after_two_seconds_and_goes_with_the_block() -> None:
    now = 0.0
    bars: list[Bar] = []

    def make(**options: Any) -> Bar:
        bars.append(Bar(**options))
        return bars[-1]

    with Progress(clock=lambda: now, bar=make) as progress:
        now = 1.9
        progress(100, 1000)
        assert not bars
        now = 2.1
        progress(300, 1000)
        progress(500, 1003)
        assert [(bar.n, bar.total, bar.closed) for bar in bars] == [(500, 1003, False)]
    assert bars[0].closed


def test_the_real_bar(capsys: pytest.CaptureFixture[str]) -> None:
    moments = iter((0.0, 5.0))
    with Progress(clock=lambda: next(moments)) as progress:
        progress(300, 1000)
        progress(400, 1000)
    assert "300/1000" in capsys.readouterr().err
