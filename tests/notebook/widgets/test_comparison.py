"""Two builds beside each other."""

from pipecat_nb.models import Build
from pipecat_nb.notebook.widgets import comparison
from pipecat_nb.notebook.widgets.comparison import Compared
from pipecat_nb.notebook.widgets.table import row

from ..test_card import Page
from .test_table import build


def compared(build: Build) -> Compared:
    return Compared(build, row(build, {"name": "agent", "note": "<b>why</b>"}))


def test_what_differs_and_by_how_much() -> None:
    before = compared(build(id="11111111-x", context_size=2048, dockerfile_path="Dockerfile"))
    after = compared(
        build(
            id="22222222-x",
            status="failed",
            region="us-east",
            context_size=1024,
            image_size=None,
            completed_at=None,
            build_seconds=100,
            dockerfile_path="docker/Dockerfile",
        )
    )
    page = comparison.html(before, after)
    found = Page(page).text
    assert "11111111" in found
    assert "✓ success" in found
    assert "✕ failed" in found
    assert "1 min 40 s (+38 s)" in found
    assert "1.0 kB (−1.0 kB)" in found
    assert "docker/Dockerfile" in found
    assert "<b>why" not in page


def test_what_neither_has_is_left_out_and_equals_have_no_difference() -> None:
    same = compared(build(image_size=None))
    found = Page(comparison.html(same, same)).text
    assert "image" not in found
    assert "(+" not in found
    assert "(−" not in found
