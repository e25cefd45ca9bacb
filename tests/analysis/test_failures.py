"""Equal failures are counted together."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.analysis import frame
from pipecat_nb.analysis.failures import DTYPES, STOPPED, UNTOLD, normalised

from .made import build, failure, table

PIP = 'process "/bin/sh -c pip install {}" did not complete successfully: exit code: 1'


def test_counted_by_step_and_cause_with_the_latest_as_example() -> None:
    found = table(
        failure(1, "upload 7f8e9d0c1b2a of /tmp/context-1/a.py failed after 31.2 s"),
        failure(9, "upload 0a1b2c3d4e5f of /tmp/context-22/b/c.py failed after 4 s"),
        failure(3, PIP.format("pipecat-ai")),
        failure(2, 'copier: stat: "/bot.py": no such file or directory'),
        failure(4, None),
        failure(5, None, status="timeout"),
        build(6),
        build(7, status="building"),
    ).builds.failures()
    assert {(row.step, row.cause): (row.count, row.example) for row in _rows(found)} == {
        (None, "upload <id> of <path> failed after <n> s"): (2, "b9"),
        ("RUN pip install pipecat-ai", "process <name> did not complete successfully: exit code: 1"): (1, "b3"),
        (None, "a COPY source is missing"): (1, "b2"),
        (None, UNTOLD): (1, "b4"),
        (None, STOPPED): (1, "b5"),
    }
    assert found["count"].tolist() == [2, 1, 1, 1, 1]
    assert found["last_seen"].iloc[0] == pd.Timestamp("2026-02-20T12:10:10Z")
    assert found["example"].tolist() == ["b9", "b5", "b4", "b3", "b2"]


class _Row:
    def __init__(self, values: dict[str, object]) -> None:
        self.step = None if pd.isna(values["step"]) else values["step"]  # type: ignore[call-overload]
        self.cause, self.count, self.example = values["cause"], values["count"], values["example"]


def _rows(found: pd.DataFrame) -> list[_Row]:
    return [_Row(values) for values in found.to_dict("records")]


def test_logs_tell_the_step_and_the_cause_where_they_are_given() -> None:
    rows = table(failure(1, "the build failed"), failure(2, "the build failed"), failure(3, "the build failed"))
    log = [
        "STEP 1/2: FROM python:3.12",
        "STEP 2/2: RUN pip install nothing-of-that-name",
        "ERROR: No matching distribution found for nothing-of-that-name",
        "Error: building at STEP: exit status 1",
    ]
    found = rows.builds.failures(logs={"b1": log, "b2": "\n".join(log), "other": []})
    assert [(row.step, row.cause, row.count) for row in _rows(found)] == [
        ("RUN pip install nothing-of-that-name", "a package was not found", 2),
        (None, "the build failed", 1),
    ]


def test_the_log_of_a_build_that_was_stopped_gives_no_cause() -> None:
    rows = table(failure(1, "stopped at 600 s", status="timeout"))
    found = rows.builds.failures(logs={"b1": ["STEP 1/1: RUN sleep 1000", "x: command not found"]})
    assert [(row.step, row.cause) for row in _rows(found)] == [("RUN sleep 1000", STOPPED)]


def test_rows_without_an_id_or_times_are_counted_too() -> None:
    found = table(failure(1, "x"), {"status": "failed", "errorMessage": "x"}, {}).builds.failures(logs={})
    assert (found["count"].tolist(), found["example"].tolist()) == ([2], ["b1"])
    alone = frame([{"status": "failed"}]).builds.failures()
    assert alone["last_seen"].isna().all()
    assert alone["example"].isna().all()


@pytest.mark.parametrize("rows", [[], [build(1)], [{}], [failure(1, "x")]])
def test_columns_and_dtypes_are_fixed(rows: list[dict[str, object]]) -> None:
    assert frame(rows).builds.failures().dtypes.to_dict() == {
        name: pd.api.types.pandas_dtype(dtype) for name, dtype in DTYPES.items()
    }


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("build 123e4567-e89b-12d3-a456-426614174000 is gone", "build <id> is gone"),
        ("sha256:0123456789abcdef and deadbeef1 differ", "<id> and <id> differ"),
        ("cannot read ./agent/bot.py, or C:\\agent\\bot.py", "cannot read <path>, or <path>"),
        ("GET https://a.example/v2/x?token=1: HTTP 502", "GET <url>: HTTP 502"),
        ("module 'pipecat' has no \"x\" and `y`", "module <name> has no <name> and <name>"),
        ("it isn't there, and it can't be", "it isn't there, and it can't be"),
        ("exit status 2 after 1,200.5 s on 2026-02-20T12:00:00Z", "exit status 2 after <n> s on <time>"),
        ("a\x1b[31mb\n  c", "ab c"),
        ("", ""),
    ],
)
def test_what_differs_from_build_to_build_is_made_equal(message: str, expected: str) -> None:
    assert normalised(message) == expected


@given(st.text(max_size=400), st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_never_tell_messages_apart(text: str, one: int, other: int) -> None:
    assert normalised(f"{text} took {one} s") == normalised(f"{text} took {other} s") or len(text) > 250
    assert len(normalised(text)) <= 300


def test_a_message_of_a_million_signs_takes_no_time() -> None:
    for sign in "a/'\"`:-.0_":
        assert len(normalised(sign * 1_000_000)) <= 300
