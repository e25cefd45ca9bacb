"""Text from elsewhere, made fit to be shown."""

import pytest

from pipecat_nb.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x\x1b]8;;http://x\x1b\\link", "xlink"),
        ("a\x00b\x7fc\x9b", "abc"),
        ("right\u202eleft\u2066", "rightleft"),
        ("caf\udce9", "caf\\udce9"),
        ("<script>", "<script>"),
    ],
)
def test_what_acts_is_taken_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert printable("x" * 1000, limit=10) == "x" * 10 + "… (990 characters more)"
