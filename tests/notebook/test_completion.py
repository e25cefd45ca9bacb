"""What is offered after `%pcbuild`, without any network."""

from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from pipecat_nb.notebook.completion import Known, complete
from pipecat_nb.record import Record, Start
from pipecat_nb.settings import resolve

ID = "123e4567-e89b-12d3-a456-426614174000"
KNOWN = Known(builds=[ID, "9f8e7d6c-0"], regions=["moon"])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agent" / "src").mkdir(parents=True)
    (tmp_path / "agent" / "Dockerfile").touch()
    (tmp_path / "agent" / ".env").touch()
    (tmp_path / "helper").mkdir()
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("hi", ["history"]),
        ("he", ["help", "helper/"]),
        ("ag", ["agent/"]),
        ("./agent/", ["./agent/src/"]),
        ("preview ag", ["agent/"]),
        ("./agent --no", ["--no-cache", "--note"]),
        ("./agent --region us", ["us-west", "us-east"]),
        ("./agent --region m", ["moon"]),
        ("./agent --encoder ", ["auto", "identical", "parallel"]),
        ("./agent --dockerfile D", ["Dockerfile"]),
        ("preview ./agent --why .", [".env"]),
        ("./agent --note ag", []),
        ("./agent --wait ag", ["agent/"]),
        ("history --status f", ["failed"]),
        ("history --limit ", []),
        ("history --directory ag", ["agent/"]),
        ("history --re", ["--region", "--refresh"]),
        ("status 1", ["123e4567"]),
        ("diff ^", ["^1", "^2"]),
        ("diff ^2 9", ["9f8e7d6c"]),
        ("help pr", ["preview"]),
        ("regions ", []),
        ("./absent/", []),
        ("~nobody-of-that-name/", []),
        ("preview ~nobody-of-that-name --why n", ["notes.txt"]),
        (f"preview {'x' * 5000} --why n", ["notes.txt"]),
    ],
)
def test_what_is_offered(line: str, offered: list[str]) -> None:
    assert complete(line, KNOWN) == offered


def test_nothing_but_what_the_line_can_go_on_with() -> None:
    offered = complete("", KNOWN)
    assert {"preview", "diff", "agent/"} <= set(offered)
    assert "notes.txt" not in offered


def completed(shell: InteractiveShell, code: str) -> list[str]:
    """The lines that IPython's completer makes of a cell with the cursor at its end."""
    with provisionalcompleter():
        return [
            code[: each.start] + each.text + code[each.end :]
            for each in shell.Completer.completions(code, len(code))
        ]


def test_in_ipython(shell: InteractiveShell) -> None:
    Record(resolve().account).add(Start(id=ID, cached=False, directory="/a", region="eu-north"))
    assert completed(shell, "%pcbuild histo") == ["%pcbuild history"]
    assert completed(shell, "x = 1\nbuild = %pcbuild ./agent --reg") == [
        "x = 1\nbuild = %pcbuild ./agent --region"
    ]
    assert completed(shell, "%pcbuild ./agent --region eu") == [
        "%pcbuild ./agent --region eu-central",
        "%pcbuild ./agent --region eu-north",
    ]
    assert "%pcbuild diff ^1" in completed(shell, "%pcbuild diff ^")
    assert completed(shell, f"%pcbuild status {ID[:3]}") == [f"%pcbuild status {ID[:8]}"]
    assert "%%pcbuild agent/" in completed(shell, "%%pcbuild ag")


def test_other_lines_are_left_alone(shell: InteractiveShell) -> None:
    shell.run_cell("agent_name = 1")
    assert "agent_name" in completed(shell, "agent_n")
    shell.run_line_magic("unload_ext", "pipecat_nb")
    assert "%pcbuild history" not in completed(shell, "%pcbuild histo")
    shell.run_line_magic("load_ext", "pipecat_nb")
