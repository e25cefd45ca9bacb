"""`%pcbuild` in a real IPython, with the real local service and a real engine."""

import threading
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from pipecat_nb.errors import (
    BuildFailed,
    DirectoryNotFound,
    SecretsFound,
    SettingsError,
    UnknownBuild,
    UnknownRegion,
)
from pipecat_nb.local import LocalService

from ..scripted import Answer, Scripted


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(shell: InteractiveShell, code: str) -> Any:
    """A cell's result; raises what the cell raised."""
    return shell.run_cell(code, store_history=True).raise_error()


@pytest.mark.usefixtures("engine", "service")
class TestBuilding:
    def test_a_build_that_is_waited_for(
        self, shell: InteractiveShell, agent: Path, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run(shell, "build = %pcbuild ./agent --wait --note 'two words'")
        build = shell.user_ns["build"]
        assert (build.status, build.note, build.name) == ("success", "two words", "agent")
        said = capsys.readouterr().out
        assert said.count("✓  success") == 1
        assert "local service · us-west · Dockerfile · two words" in said
        assert f"image {build.image_uri}" in said

        run(shell, "again = %pcbuild $build.directory")
        assert (shell.user_ns["again"].cached, shell.user_ns["again"].id) == (True, build.id)
        assert "cached" in capsys.readouterr().out

        run(shell, f"%pcbuild logs {build.id[:13]}")
        assert "COPY bot.py" in capsys.readouterr().out
        run(shell, "found = %pcbuild status ^1")
        assert shell.user_ns["found"].id == build.id
        run(shell, "%pcbuild wait")
        run(shell, "table = %pcbuild history --status success --limit 1 --since 1h")
        table = shell.user_ns["table"]
        assert table.index.tolist() == [build.id]
        assert table["note"].tolist() == ["two words"]

    def test_a_failing_build_raises_when_it_is_waited_for(
        self, shell: InteractiveShell, agent: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (agent / "Dockerfile").write_text("FROM scratch\nCOPY absent.txt /\n")
        with pytest.raises(BuildFailed, match=r"absent\.txt") as caught:
            run(shell, f"%pcbuild '{agent}' --wait")
        assert caught.value.build.status == "failed"
        said = capsys.readouterr().out
        assert "✕  failed" in said
        assert "BuildFailed" in said
        assert "Traceback" not in said
        with pytest.raises(BuildFailed):
            run(shell, "%pcbuild wait ^1")

    def test_the_project_here(self, shell: InteractiveShell, agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (agent / "pcc-deploy.toml").write_text('agent_name = "support"\nregion = "eu-central"\n')
        monkeypatch.chdir(agent)
        run(shell, "build = %pcbuild")
        assert (shell.user_ns["build"].name, shell.user_ns["build"].region) == ("support", "eu-central")

    def test_config(self, shell: InteractiveShell, agent: Path, here: Path) -> None:
        (agent / "other.Dockerfile").write_text("FROM scratch\nCOPY bot.py /other.py\n")
        run(shell, "%config PipecatMagics.region = 'ap-south'")
        run(shell, "%config PipecatMagics.dockerfile = 'other.Dockerfile'")
        run(shell, "build = %pcbuild ./agent")
        assert shell.user_ns["build"].region == "ap-south"
        assert shell.user_ns["build"].dockerfile_path == "other.Dockerfile"
        run(shell, "build = %pcbuild ./agent --region us-east --dockerfile Dockerfile")
        assert shell.user_ns["build"].region == "us-east"
        assert shell.user_ns["build"].dockerfile_path == "Dockerfile"

    def test_a_directory_with_a_subcommands_name_and_one_with_a_space(
        self, shell: InteractiveShell, agent: Path, here: Path
    ) -> None:
        for name in ("logs", "my agent"):
            agent = agent.rename(here / name)
            run(shell, f"build = %pcbuild './{name}'")
            assert shell.user_ns["build"].name == name

    def test_a_cell_is_the_dockerfile(self, shell: InteractiveShell, agent: Path, here: Path) -> None:
        before = sorted((path, path.read_bytes()) for path in agent.rglob("*"))
        run(shell, "%%pcbuild ./agent --wait --note cell\nFROM scratch\nCOPY bot.py /from-a-cell.py\n")
        run(shell, "build = %pcbuild status ^1")
        build = shell.user_ns["build"]
        assert (build.status, build.note, build.dockerfile_path) == ("success", "cell", "Dockerfile")
        assert any("/from-a-cell.py" in line for line in build.logs())
        assert sorted((path, path.read_bytes()) for path in agent.rglob("*")) == before
        # The same cell is the same build, the directory's own Dockerfile another, and what differs is known.
        run(shell, "%%pcbuild ./agent\nFROM scratch\nCOPY bot.py /from-a-cell.py\n")
        run(shell, "own = %pcbuild ./agent --wait")
        assert shell.user_ns["own"].id != build.id
        run(shell, "why = %pcbuild diff")
        (change,) = shell.user_ns["why"].changes
        assert change.path == "Dockerfile"
        assert "-COPY bot.py /from-a-cell.py" in change.diff

    def test_a_directory_without_a_dockerfile_is_built_by_a_cell(
        self, shell: InteractiveShell, agent: Path, here: Path
    ) -> None:
        (agent / "Dockerfile").unlink()
        run(shell, "name = 'bot.py'")
        run(shell, "%%pcbuild ./agent --dockerfile deploy/Dockerfile --wait\nFROM scratch\nCOPY bot.py /\n")
        run(shell, "build = %pcbuild status ^1")
        assert (shell.user_ns["build"].status, shell.user_ns["build"].dockerfile_path) == (
            "success",
            "deploy/Dockerfile",
        )
        assert not (agent / "deploy").exists()

    def test_why_it_was_built_again(
        self, shell: InteractiveShell, agent: Path, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run(shell, "first = %pcbuild ./agent --wait")
        (agent / "bot.py").write_text("print(1)\n")
        run(shell, "second = %pcbuild ./agent --wait")
        capsys.readouterr()
        run(shell, "why = %pcbuild diff")
        assert shell.user_ns["why"].reasons == ("A file differs: 1 changed.",)
        run(shell, "%pcbuild diff ^2 ^1")
        said = capsys.readouterr().out
        assert f"Build {shell.user_ns['first'].id[:8]} → {shell.user_ns['second'].id[:8]}" in said
        assert "+print(1)" in said

    def test_a_secret_is_not_sent_unless_it_is_allowed(
        self, shell: InteractiveShell, agent: Path, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (agent / ".dockerignore").write_text("")
        (agent / ".env").write_text("KEY=abc\n")
        with pytest.raises(SecretsFound):
            run(shell, "%pcbuild ./agent --wait")
        assert "--allow-secret .env" in capsys.readouterr().out
        run(shell, "build = %pcbuild ./agent --wait --allow-secret .env")
        assert shell.user_ns["build"].status == "success"

    def test_what_is_cached_is_built_all_the_same_where_no_cache_is_wanted(
        self, shell: InteractiveShell, agent: Path, here: Path
    ) -> None:
        run(shell, "first = %pcbuild ./agent --wait")
        run(shell, "second = %pcbuild ./agent --wait --no-cache")
        assert shell.user_ns["second"].id != shell.user_ns["first"].id
        assert not shell.user_ns["second"].cached


@pytest.mark.usefixtures("service")
class TestBadInput:
    @pytest.mark.parametrize(
        ("line", "error", "said"),
        [
            ("./absent", DirectoryNotFound, "absent does not exist"),
            ("./agent --region moon", UnknownRegion, "us-west, us-east"),
            ("status zzz", UnknownBuild, "zzz"),
            ("./agent 'unclosed", UsageError, "No closing quotation"),
            ("./agent --wiat", UsageError, "unrecognized arguments"),
            ("histroy --limit 3", UsageError, "Did you mean `%pcbuild history`"),
            ("help deploy", UsageError, "no subcommand"),
            ("status zzz  # which?", UnknownBuild, "'zzz'"),
        ],
    )
    def test_one_error_says_what_happened(
        self, shell: InteractiveShell, agent: Path, here: Path, line: str, error: type[Exception], said: str
    ) -> None:
        with pytest.raises(error, match=said):
            run(shell, f"%pcbuild {line}")

    @pytest.mark.parametrize(
        ("cell", "said"),
        [
            ("%%pcbuild ./agent\n\n", "the cell has no Dockerfile"),
            ("%%pcbuild preview ./agent\nFROM scratch\n", "`%pcbuild preview`, with one %"),
        ],
    )
    def test_a_cell_that_is_no_dockerfile(
        self, shell: InteractiveShell, agent: Path, here: Path, cell: str, said: str
    ) -> None:
        with pytest.raises(UsageError, match=said):
            run(shell, cell)

    def test_what_was_not_built_says_so(
        self, shell: InteractiveShell, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(DirectoryNotFound):
            run(shell, "%pcbuild ./absent")
        assert "✕  not started  absent" in capsys.readouterr().out


class Kernel:
    """What a shell in a notebook has: the request of the cell that is executed."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = {}

    def get_parent(self, channel: str) -> dict[str, Any]:
        assert channel == "shell"
        return {"content": {}, "metadata": self.metadata}


@pytest.mark.usefixtures("service")
class TestPanels:
    def test_a_cell_that_is_executed_again_closes_its_earlier_panel(self, shell: InteractiveShell) -> None:
        kernel = shell.kernel = Kernel()  # type: ignore[attr-defined]
        panels = {}
        for execution, cell in enumerate(["one", "two", "one", None, None]):
            kernel.metadata = {"cellId": cell} if cell else {}
            run(shell, "panel = %pcbuild panel")
            panels[execution] = shell.user_ns["panel"]
        assert [each.closed for each in panels.values()] == [True, False, False, False, False]

    def test_two_panels_of_one_cell_stay_both(self, shell: InteractiveShell) -> None:
        kernel = shell.kernel = Kernel()  # type: ignore[attr-defined]
        kernel.metadata = {"cellId": "one"}
        run(shell, "a = %pcbuild panel\nb = %pcbuild panel")
        assert not shell.user_ns["a"].closed
        assert not shell.user_ns["b"].closed

    def test_what_was_closed_is_not_kept(self, shell: InteractiveShell) -> None:
        for _ in range(3):
            run(shell, "panel = %pcbuild panel")
            shell.user_ns.pop("panel").close()
        run(shell, "panel = %pcbuild panel")
        magics = shell.magics_manager.registry["PipecatMagics"]
        assert [panel for panel, *_ in magics._panels] == [shell.user_ns["panel"]]


@pytest.mark.usefixtures("service")
class TestLooking:
    def test_a_preview_needs_no_network(
        self, shell: InteractiveShell, agent: Path, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (agent / ".env").write_text("TOKEN=1")
        run(shell, "%config PipecatMagics.api_host = 'http://127.0.0.1:9'")
        run(shell, "%pcbuild preview ./agent")
        said = capsys.readouterr().out
        assert "2 files" in said
        assert ".env  default exclusions  .env" in said

    def test_a_preview_says_why_of_one_path(
        self, shell: InteractiveShell, agent: Path, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (agent / ".env").write_text("TOKEN=1")
        run(shell, "%pcbuild preview ./agent --why .env")
        assert capsys.readouterr().out == ".env is left out by default exclusions  .env\n"

    def test_a_preview_of_what_is_too_large(
        self, shell: InteractiveShell, agent: Path, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with (agent / "zeros.bin").open("wb") as file:
            file.truncate(600 * 2**30)  # so much that no compression helps, and nothing is read
        run(shell, "%pcbuild preview ./agent")
        said = capsys.readouterr().out
        assert "above 500 MB even compressed" in said
        assert "  zeros.bin  model" in said

    def test_regions(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        run(shell, "%pcbuild regions")
        lines = capsys.readouterr().out.splitlines()
        assert any(line.startswith("us-west ") and line.endswith("default") for line in lines)
        assert any(line.startswith("eu-central ") for line in lines)

    def test_the_target_and_never_a_token(
        self,
        shell: InteractiveShell,
        service: LocalService,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        run(shell, "%pcbuild target")
        assert "no credentials were found" in capsys.readouterr().out
        # The environment of a notebook changes while it is open.
        monkeypatch.setenv("PIPECAT_API_HOST", service.url)
        monkeypatch.setenv("PIPECAT_API_KEY", service.token.reveal())
        run(shell, "%pcbuild target")
        run(shell, "%config PipecatMagics")
        said = capsys.readouterr().out
        assert "a private API key" in said
        assert "PIPECAT_API_KEY" in said
        assert service.url in said
        assert service.token.reveal() not in said

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (None, "cannot be reached"),
            (Answer(401, {"error": "Unauthorized"}), "answered 401: Unauthorized"),
            (Answer(body={"organizations": []}), "belongs to no organization. PIPECAT_ORG names one."),
        ],
    )
    def test_the_target_says_what_is_wrong_with_it(
        self,
        shell: InteractiveShell,
        scripted: Scripted,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        answer: Answer | None,
        said: str,
    ) -> None:
        host = scripted.url if answer else "http://127.0.0.1:9"
        scripted.answers = [answer] if answer else []
        monkeypatch.setenv("PIPECAT_API_HOST", host)
        monkeypatch.setenv("PIPECAT_TOKEN", "token-of-a-test")
        run(shell, "%pcbuild target")
        out = capsys.readouterr().out
        for word in (host, "a person, by a token", "PIPECAT_TOKEN", said):
            assert word in out
        assert "token-of-a-test" not in out
        assert len(scripted.asked) <= 1

    def test_the_target_says_why_there_is_no_local_service(
        self,
        shell: InteractiveShell,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        (tmp_path / "state").write_text("no directory")
        monkeypatch.setenv("PIPECAT_NB_STATE", str(tmp_path / "state"))
        run(shell, "%pcbuild target")
        said = capsys.readouterr().out
        assert "no credentials were found" in said
        assert "cannot be written" in said

    def test_a_host_without_a_token_is_an_error(self, shell: InteractiveShell) -> None:
        run(shell, "%config PipecatMagics.api_host = 'http://127.0.0.1:9'")
        with pytest.raises(SettingsError, match="no token for the API host"):
            run(shell, "%pcbuild target")

    def test_help(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        for line in ("help", "--help", "help wait", "wait --help"):
            assert run(shell, f"%pcbuild {line}") is None
            assert "usage: %pcbuild" in capsys.readouterr().out


def test_unloading_leaves_nothing() -> None:
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))

    def state() -> tuple[Any, ...]:
        assert shell.display_formatter is not None
        formatters = [
            *shell.display_formatter.formatters.values(),
            shell.display_formatter.ipython_display_formatter,
        ]
        return (
            {kind: set(names) for kind, names in shell.magics_manager.magics.items()},
            set(shell.magics_manager.registry),
            [type(each) for each in shell.configurables],
            [set(each.deferred_printers) for each in formatters],
            {thread.name for thread in threading.enumerate()},
            list(shell.Completer.custom_matchers),
        )

    shell.run_line_magic("unload_ext", "pipecat_nb")  # IPython loads its own magics when they are first used
    before = state()
    shell.run_line_magic("load_ext", "pipecat_nb")
    assert state() != before
    shell.run_line_magic("unload_ext", "pipecat_nb")
    assert state() == before
    shell.run_line_magic("load_ext", "pipecat_nb")
    shell.run_line_magic("reload_ext", "pipecat_nb")
    shell.run_line_magic("unload_ext", "pipecat_nb")
    assert state() == before


def test_a_history_without_a_connection_says_so(
    shell: InteractiveShell,
    scripted: Scripted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in (("API_KEY", "key"), ("API_HOST", scripted.url), ("NB_STATE", str(tmp_path))):
        monkeypatch.setenv(f"PIPECAT_{name}", value)
    scripted.answers = [Answer(body={"builds": [{"id": "a", "status": "success"}], "total": 1})]
    run(shell, "table = %pcbuild history")
    assert "known" not in capsys.readouterr().out
    scripted.answers = [Answer(500, {"error": "down"})]
    run(shell, "table = %pcbuild history")
    assert shell.user_ns["table"].index.tolist() == ["a"]
    assert "answered 500: down. These are the builds known on " in capsys.readouterr().out
