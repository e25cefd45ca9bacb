"""A frame of builds as a table in a notebook."""

from pipecat_nb.analysis import frame
from pipecat_nb.notebook import history

from .test_card import Page

ID = "123e4567-e89b-12d3-a456-426614174000"


def test_statuses_have_sign_word_and_colour() -> None:
    html = history.html(frame([{"id": ID, "status": "failed"}, {"id": "2", "status": "<odd>"}]))
    assert html is not None
    page = Page(html)
    assert "✕ failed" in page.text
    assert "? <odd>" in page.text
    assert ("span", {"class": "pcb-said-bad"}) in page.tags
    assert ("code", {"title": ID}) in page.tags


def test_text_from_elsewhere_is_text() -> None:
    evil = '<script>alert(1)</script>" onmouseover="x'
    html = history.html(frame([{"id": evil, "status": "failed", "errorMessage": evil * 9, "region": evil}]))
    assert html is not None
    assert "<script>" not in html
    assert not any("onmouseover" in attributes for _, attributes in Page(html).tags)


def test_other_frames_are_shown_by_pandas() -> None:
    plain = history.html(frame([{"id": ID, "status": "failed"}]).reset_index())  # type: ignore[arg-type]
    assert plain is not None
    assert 'class="dataframe"' in plain
