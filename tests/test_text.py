"""Text from elsewhere, made fit to be shown."""

import pytest

from pipecat_nb.text import coloured, printable, without_dump


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\x1b[1;31mred\x1b[0m\tplain", "red\tplain"),
        ("\x1b]0;a title\x07done", "done"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("50%\r100%\x08\x00", "50%100%"),
        ("abc\u202egpj.exe\u2066", "abcgpj.exe"),
        ("\x9b31mc1", "31mc1"),
        ("<b>grüße</b>", "<b>grüße</b>"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_nothing_acts_on_the_reader(text: str, said: str) -> None:
    assert printable(text) == said


def test_long_lines_are_cut_and_say_so() -> None:
    assert printable("x" * 1_000_000, limit=5) == "xxxxx… (999,995 characters more)"
    assert printable("xxxxx", limit=5) == "xxxxx"


def test_a_log_keeps_its_colours_and_nothing_else_that_acts() -> None:
    red = "\x1b[1;31mred\x1b[0m"
    assert coloured(red, limit=100) == red
    assert coloured(f"\x1b[2J\x1b]0;a title\x07{red}\r\x00\u202e.", limit=100) == f"{red}."
    assert coloured("x" * 1_000_000, limit=5) == "xxxxx… (999,995 characters more)"
    assert coloured("xxxxx", limit=5) == "xxxxx"


def test_an_engines_inner_state_is_left_out() -> None:
    assert (
        without_dump('Unknown instruction: "A" (UNHANDLED LOGLEVEL) &imagebuilder.Step{\n x}')
        == 'Unknown instruction: "A"'
    )
    assert without_dump('Unknown instruction: "A" &imagebuilder.Step{x}') == 'Unknown instruction: "A"'
    assert without_dump('time="2026" level=error msg="+(UNHANDLED LOGLEVEL) &imagebuilder.Step{x}"') == ""
    assert without_dump("a & b\n") == "a & b\n"
