"""A Dockerfile's lines around the step that a log names."""

from pipecat_nb.logs import excerpt

DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM python:3.12

RUN apt-get update && \\
    # a comment between
    apt-get install -y gcc
copy  requirements.txt .
RUN pip install -r requirements.txt
COPY . .
"""


def test_the_lines_around_a_step() -> None:
    found = excerpt(DOCKERFILE, "RUN pip install -r requirements.txt")
    assert found is not None
    assert str(found) == (
        "  6     apt-get install -y gcc\n"
        "  7 copy  requirements.txt .\n"
        "> 8 RUN pip install -r requirements.txt\n"
        "  9 COPY . ."
    )


def test_an_instruction_over_several_lines() -> None:
    found = excerpt(DOCKERFILE, "RUN apt-get update &&     apt-get install -y gcc", around=0)
    assert found is not None
    assert (found.first, found.marked) == (4, range(4, 7))


def test_another_case_and_other_blanks() -> None:
    found = excerpt(DOCKERFILE, "COPY requirements.txt .")
    assert found is not None
    assert found.marked == range(7, 8)


def test_what_is_not_there_or_there_twice() -> None:
    assert excerpt(DOCKERFILE, "RUN nothing") is None
    assert excerpt("FROM a\nRUN x\nRUN x\n", "RUN x") is None
    assert excerpt("", "RUN x") is None
    unfinished = excerpt("FROM a\nRUN x \\", "RUN x")
    assert unfinished is not None
    assert unfinished.marked == range(2, 3)
