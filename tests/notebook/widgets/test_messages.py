"""What the panel says: as text, never as markup from outside, and with what to do next."""

import pytest

from pipecat_nb.errors import PipecatError
from pipecat_nb.notebook.widgets import messages

from ..test_card import Page

HOSTILE = "<img src=x onerror=y>\u202e"


@pytest.mark.parametrize(
    "html",
    [
        messages.quiet(HOSTILE),
        messages.status(f"`{HOSTILE}` {HOSTILE}"),
        messages.error(PipecatError(HOSTILE, hint=HOSTILE)),
        messages.error(ValueError(HOSTILE)),
        messages.head(HOSTILE, HOSTILE),
        messages.page(HOSTILE, ""),
        messages.saved(HOSTILE),
    ],
)
def test_what_comes_from_outside_is_text(html: str) -> None:
    assert "img" not in [tag for tag, _ in Page(html).tags]
    assert "&lt;img" in html


def test_an_error_says_what_happened_and_what_to_do() -> None:
    html = messages.error(PipecatError("No such directory.", hint="`./agent` is there."))
    assert Page(html).text == "✕ No such directory../agent is there."
    assert "<code>./agent</code>" in html
    assert 'role="alert"' in html
    assert "This is a fault of pipecat_nb" in messages.error(ValueError("x"))


def test_backticks_that_do_not_pair_are_text() -> None:
    assert Page(messages.status("a `b` c `d")).text == "a b c d"
    assert messages.status("`b` `d").count("<code>") == 1


def test_where_builds_go() -> None:
    assert Page(messages.head("", "")).text == "Builds go to …"
    assert Page(messages.head("the cloud", "It is away.")).text == "Builds go to the cloudIt is away."
