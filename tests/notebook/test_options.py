"""What can be typed after `%pcbuild`."""

from pathlib import Path

import pytest
from IPython.core.error import UsageError

from pipecat_nb.notebook import options
from pipecat_nb.notebook.options import HelpShown


def given(line: str) -> tuple[str, dict[str, object]]:
    name, arguments = options.parse(line.split())
    return name, vars(arguments)


HISTORY = dict.fromkeys(("status", "region", "since", "until"))
PREVIEW = {"directory": "./agent", "dockerfile": None, "encoder": "auto"}


def test_nothing_is_the_project_here() -> None:
    assert given("") == (
        "build",
        {
            "directory": None,
            "dockerfile": None,
            "region": None,
            "note": "",
            "encoder": "auto",
            "no_cache": False,
            "allow_secret": [],
            "wait": False,
            "dockerfile_text": None,
        },
    )


def test_a_build_with_all_its_options() -> None:
    name, arguments = given(
        "--region us-west ./agent --dockerfile docker/Dockerfile --note uv --encoder parallel --no-cache "
        "--allow-secret a.pem --allow-secret b/.env --wait"
    )
    assert name == "build"
    assert arguments == {
        "directory": "./agent",
        "dockerfile": "docker/Dockerfile",
        "region": "us-west",
        "note": "uv",
        "encoder": "parallel",
        "no_cache": True,
        "allow_secret": ["a.pem", "b/.env"],
        "wait": True,
        "dockerfile_text": None,
    }


@pytest.mark.parametrize(
    ("line", "name", "arguments"),
    [
        ("preview ./agent --why .env", "preview", PREVIEW | {"why": ".env"}),
        ("diff", "diff", {"first": "^1", "second": None}),
        (
            "history --context-hash a1 --directory ./agent --refresh --limit 5",
            "history",
            HISTORY | {"context_hash": "a1", "directory": "./agent", "refresh": True, "limit": 5},
        ),
        ("diff ^2 1234", "diff", {"first": "^2", "second": "1234"}),
        ("status 1234", "status", {"build": "1234"}),
        ("logs", "logs", {"build": "^1", "limit": 500}),
        ("logs ^2 --limit 10000", "logs", {"build": "^2", "limit": 10_000}),
        ("wait --timeout 2.5", "wait", {"build": "^1", "timeout": 2.5}),
        ("help logs", "help", {"topic": "logs"}),
        ("regions", "regions", {}),
    ],
)
def test_subcommands(line: str, name: str, arguments: dict[str, object]) -> None:
    assert given(line) == (name, arguments)


@pytest.mark.parametrize("line", ["./logs", "build", "my-agent"])
def test_any_other_first_word_is_a_directory(line: str) -> None:
    assert given(line)[0] == "build"
    assert given(line)[1]["directory"] == line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("./a ./b", "unrecognized arguments: ./b"),
        ("--reg us-west", "unrecognized arguments: --reg"),
        ("logs --limit 0", "0 is not 1 to 10000"),
        ("logs --limit many", "argument --limit: 'many' is not a whole number"),
        ("history --limit 1.5", "argument --limit: '1.5' is not a whole number"),
        ("wait --timeout soon", "argument --timeout: 'soon' is not a number of seconds"),
        ("wait --timeout nan", "'nan' is not a number of seconds"),
        ("logs ^0", r"\^0 is no build: \^1 is the last one, \^2 the one before"),
        ("status ^", r"\^1 is the last one"),
        ("wait ^-1", r"\^1 is the last one"),
        ("--wiat", r"--wiat\. Did you mean --wait\?"),
        ("history --stat=failed", r"Did you mean --status\?"),
        ("--nocache", r"Did you mean --no-cache\?"),
        ("--allow-secrets x", r"Did you mean --allow-secret\?"),
        ("my agent dir", "unrecognized arguments: agent dir. Put quotes round what has spaces"),
        ("preview my agent", "Put quotes round what has spaces"),
        ("build ./agent", r"Did you mean `%pcbuild \./agent`\?"),
        ("history --limit -1", "-1 is not 0 or more"),
        ("wait --timeout inf", "'inf' is not a number of seconds"),
        ("--region", "expected one argument"),
    ],
)
def test_usage_errors_say_what_is_wrong_and_how_it_is_written(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        options.parse(line.split())
    assert "usage: %pcbuild" in str(caught.value)


@pytest.mark.parametrize("line", ["history --limit many", "wait --timeout soon", "logs --limit x"])
def test_no_name_of_the_source_is_shown(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        options.parse(line.split())
    assert " _" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "meant"),
    [("histroy", "history"), ("log ^2", "logs"), ("wiat --timeout 5", "wait"), ("Regions", "regions")],
)
def test_a_mistyped_subcommand_is_no_directory(
    line: str, meant: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    first, *rest = line.split()
    with pytest.raises(UsageError, match=f"Did you mean `%pcbuild {meant}`"):
        options.parse([first, *rest])
    (tmp_path / first).mkdir()
    assert given(first)[0] == "build"


@pytest.mark.parametrize("line", ["agent", "./histroy", "bot", "my-logs", "--region us-west"])
def test_any_other_missing_directory_is_one(line: str) -> None:
    assert given(line)[0] == "build"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("./agent # once more", ["./agent"]),
        ("./agent #once more, don't wait", ["./agent"]),
        ("# the project here", []),
        ("--note 'fixes #12' # \"quoted", ["--note", "fixes #12"]),
        ('--note "fixes # 12"', ["--note", "fixes # 12"]),
        ("./agent#2 --note a#b", ["./agent#2", "--note", "a#b"]),
        ("--note 'a'#b", ["--note", "a#b"]),
    ],
)
def test_a_comment_ends_the_line(line: str, words: list[str]) -> None:
    assert options.words(line) == words


@pytest.mark.parametrize("line", ["'./agent # once more", './agent "', "./agent 'it # x"])
def test_an_open_quote_is_no_comment(line: str) -> None:
    with pytest.raises(UsageError, match="No closing quotation"):
        options.words(line)


@pytest.mark.parametrize("name", [*options.SUBCOMMANDS])
def test_every_subcommand_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HelpShown):
        options.parse(["--help"] if name == "build" else [name, "--help"])
    assert options.SUBCOMMANDS[name].summary[1:] in " ".join(capsys.readouterr().out.split())
    assert options.SUBCOMMANDS[name].summary[1:] in " ".join(options.help_text(name).split())


def test_the_help_page_names_all_subcommands() -> None:
    page = options.help_text()
    assert all(f"  {name} " in page for name in options.SUBCOMMANDS if name != "build")
    with pytest.raises(UsageError, match="it has preview, status, logs"):
        options.help_text("deploy")
