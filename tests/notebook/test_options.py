"""What can be typed after `%pcbuild`."""

import pytest
from IPython.core.error import UsageError

from pipecat_nb.notebook import options
from pipecat_nb.notebook.options import HelpShown


def given(line: str) -> tuple[str, dict[str, object]]:
    name, arguments = options.parse(line.split())
    return name, vars(arguments)


def test_nothing_is_the_project_here() -> None:
    empty = {"directory": None, "dockerfile": None, "region": None, "note": "", "wait": False}
    assert given("") == ("build", empty)


def test_a_build_with_all_its_options() -> None:
    name, arguments = given("--region us-west ./agent --dockerfile docker/Dockerfile --note uv --wait")
    assert name == "build"
    assert arguments == {
        "directory": "./agent",
        "dockerfile": "docker/Dockerfile",
        "region": "us-west",
        "note": "uv",
        "wait": True,
    }


@pytest.mark.parametrize(
    ("line", "name", "arguments"),
    [
        ("preview ./agent", "preview", {"directory": "./agent", "dockerfile": None}),
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
        ("logs --limit many", "invalid"),
        ("history --limit -1", "-1 is not 0 or more"),
        ("wait --timeout inf", "inf is not a number of seconds"),
        ("--region", "expected one argument"),
    ],
)
def test_usage_errors_say_what_is_wrong_and_how_it_is_written(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        options.parse(line.split())
    assert "usage: %pcbuild" in str(caught.value)


@pytest.mark.parametrize("name", [*options.SUBCOMMANDS])
def test_every_subcommand_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HelpShown):
        options.parse(["--help"] if name == "build" else [name, "--help"])
    assert options.SUBCOMMANDS[name].summary[1:] in " ".join(capsys.readouterr().out.split())
    assert options.SUBCOMMANDS[name].summary[1:] in " ".join(options.help_text(name).split())


def test_the_help_page_names_all_subcommands() -> None:
    page = options.help_text()
    assert all(f"  {name} " in page for name in options.SUBCOMMANDS if name != "build")
    with pytest.raises(UsageError, match="preview, status, logs"):
        options.help_text("deploy")
