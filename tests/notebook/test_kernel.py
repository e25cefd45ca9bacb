"""Cards in a real kernel, as a front end gets them: messages, in order, from whichever thread."""

import os
import queue
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from ..conftest import wait_until
from ..scripted import Answer, Scripted

ID = "123e4567-e89b-12d3-a456-426614174000"


class Kernel:
    """A kernel and what it has published."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client
        self.messages: list[dict[str, Any]] = []

    def read(self) -> None:
        """Take what has come."""
        while True:
            try:
                self.messages.append(self.client.get_iopub_msg(timeout=0.02))
            except queue.Empty:
                return

    def start(self, code: str) -> str:
        return str(self.client.execute(code))

    def tell(self, model: str, content: dict[str, Any]) -> None:
        """Say something to a widget, as its page does."""
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": model, "data": data})
        self.client.shell_channel.send(message)

    def heard(self, model: str) -> list[dict[str, Any]]:
        """What a widget has said to its page."""
        self.read()
        contents = [message["content"] for message in self.messages if message["msg_type"].startswith("comm_")]
        return [content["data"] for content in contents if content["comm_id"] == model]

    def run(self, code: str) -> list[dict[str, Any]]:
        """Run a cell to its end; what it published."""
        cell = self.start(code)
        self.wait_for(lambda: self.ended(cell), f"the end of {code!r}")
        return self.published(cell)

    def published(self, cell: str) -> list[dict[str, Any]]:
        self.read()
        return [message for message in self.messages if message["parent_header"].get("msg_id") == cell]

    def ended(self, cell: str) -> bool:
        return any(
            message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            for message in self.published(cell)
        )

    def wait_for(self, reached: Callable[[], object], what: str) -> None:
        wait_until(reached, what, limit=30)

    def updates(self) -> list[str]:
        """The plain texts of all refreshed cards, whichever cell runs."""
        self.read()
        return [text(message) for message in self.messages if message["msg_type"] == "update_display_data"]


def text(message: dict[str, Any]) -> str:
    return str(message["content"]["data"]["text/plain"])


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    """The outputs that a cell gets, without those that only refresh one."""
    shown = ("display_data", "execute_result", "stream", "error")
    return [message["msg_type"] for message in messages if message["msg_type"] in shown]


def errors(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (message["content"]["ename"], "\n".join(message["content"]["traceback"]))
        for message in messages
        if message["msg_type"] == "error"
    ]


@pytest.fixture(scope="module", params=["6", "7"])
def kernel(_own_state: None, request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """A kernel of each major version, with the extension loaded."""
    environment = dict(os.environ)
    if request.param == "6":
        older = Path(sys.prefix) / "ipykernel6"
        if not older.exists():
            pytest.skip("no ipykernel 6 beside the environment: bash tests/run installs it")
        environment["PYTHONPATH"] = str(older)
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environment)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    kernel = Kernel(manager, client)
    assert not errors(kernel.run("%load_ext pipecat_nb"))
    said = kernel.run("import ipykernel; ipykernel.version_info[0]")
    assert [text(message) for message in said if message["msg_type"] == "execute_result"] == [request.param]
    yield kernel
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def hosted(kernel: Kernel, scripted: Scripted) -> Scripted:
    """A service that does as it is told, and a kernel that talks to it."""
    kernel.run(f"import os; os.environ.update(PIPECAT_API_HOST={scripted.url!r}, PIPECAT_API_KEY='key-of-a-test')")
    return scripted


def answer(status: str) -> Answer:
    build = {"id": ID, "status": status, "region": "us-west", "createdAt": "2026-03-01T12:00:00Z"}
    return Answer(body={"build": build, "builds": [build], "logs": ["STEP 1/1: FROM scratch", "no such file"]})


def test_exactly_one_card_assigned_or_not(kernel: Kernel, hosted: Scripted) -> None:
    hosted.answers = [answer("success")]
    for code in (
        f"%pcbuild status {ID}",
        f"build = %pcbuild status {ID}",
        f"build = %pcbuild status {ID}\nbuild",
        "build",  # in a later cell it is shown anew
        "build.wait()",
    ):
        messages = kernel.run(code)
        assert kinds(messages) == ["display_data"], code
        shown = next(message for message in messages if message["msg_type"] == "display_data")
        assert "pcb-card" in shown["content"]["data"]["text/html"]
        assert text(shown).startswith("✓  success")
    assert kinds(kernel.run("build; None")) == []


def test_a_card_lives_on_after_its_cell_has_ended(kernel: Kernel, hosted: Scripted) -> None:
    hosted.answers = [answer("pending")]
    shown = [m for m in kernel.run(f"build = %pcbuild status {ID}") if m["msg_type"] == "display_data"]
    assert "pending" in text(shown[0])
    before = len(kernel.updates())
    hosted.answers = [answer("building")]
    kernel.wait_for(lambda: any("building" in said for said in kernel.updates()[before:]), "the card to follow")
    assert kinds(kernel.run("other = 1")) == []
    hosted.answers = [answer("failed")]
    kernel.wait_for(lambda: any("failed" in said for said in kernel.updates()[before:]), "the end")
    assert "no such file" in kernel.updates()[-1]
    refreshed = [m for m in kernel.messages if m["msg_type"] == "update_display_data"][before:]
    ids = {message["content"]["transient"]["display_id"] for message in refreshed}
    assert ids == {shown[0]["content"]["transient"]["display_id"]}


def test_interrupting_stops_the_waiting_and_not_the_build(kernel: Kernel, hosted: Scripted) -> None:
    hosted.answers = [answer("building")]
    cell = kernel.start(f"%pcbuild wait {ID}")
    kernel.wait_for(lambda: "display_data" in kinds(kernel.published(cell)), "the card")
    kernel.manager.interrupt_kernel()
    kernel.wait_for(lambda: kernel.ended(cell), "the waiting to stop")
    ((name, said),) = errors(kernel.published(cell))
    assert name == "WaitInterrupted"
    assert "goes on" in said
    assert f"%pcbuild wait {ID[:8]}" in said
    assert "Traceback" not in said
    # It is still followed.
    hosted.answers = [answer("success")]
    kernel.wait_for(lambda: kernel.updates()[-1].startswith("✓  success"), "the end of the build")


def test_a_build_that_is_asked_for_again_is_the_same_on_all_cards(kernel: Kernel, hosted: Scripted) -> None:
    hosted.answers = [answer("building")]
    first = kernel.run(f"first = %pcbuild status {ID}")
    hosted.answers = [answer("timeout")]
    second = kernel.run(f"second = %pcbuild status {ID}\nassert first is second")
    assert kinds(first) == kinds(second) == ["display_data"]
    assert [text(m).split()[1] for m in second if m["msg_type"].endswith("display_data")].count("timeout") >= 2


TOKEN = "key-of-a-test"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401, {"error": f"No access for Bearer {TOKEN}", "code": "UNAUTHORIZED"}), "Unauthorized"),
        (Answer(401, {"error": "Unauthorized", "code": f"NO_{TOKEN}"}), "Unauthorized"),
        (Answer(400, f"<html><p>Authorization: Bearer {TOKEN}</p></html>"), "BadRequest"),
        (Answer(200, f"<html><title>Hello {TOKEN}</title></html>"), "ServerError"),
        (Answer(200, {"error": TOKEN}), ""),
    ],
)
def test_errors_are_short_and_hide_the_token(
    kernel: Kernel, hosted: Scripted, agent: Path, answer: Answer, error: str
) -> None:
    hosted.answers = [answer]
    # A key as it is read from a file.
    kernel.run(f"os.environ['PIPECAT_API_KEY'] = '{TOKEN}\\n'")
    messages = [
        *kernel.run("%pcbuild history"),
        *kernel.run("%tb"),
        *kernel.run("import sys; vars(getattr(sys, 'last_value', None) or Exception())"),
        *kernel.run("%pcbuild target"),
        *kernel.run("%config PipecatMagics"),
        *kernel.run(f"%pcbuild '{agent}'"),
        *kernel.run(f"%pcbuild status {ID}"),
    ]
    assert any(asked.headers["Authorization"] == f"Bearer {TOKEN}" for asked in hosted.asked)
    for name, said in errors(messages[:6]):
        assert name == error
        assert len(said.splitlines()) <= 4
    outputs = ("stream", "display_data", "update_display_data", "execute_result", "error")
    shown = [repr(message["content"]) for message in messages if message["msg_type"] in outputs]
    assert len(shown) >= 6
    assert not [content for content in shown if TOKEN in content]


def test_captured_cards_are_right_when_they_are_shown(kernel: Kernel, hosted: Scripted) -> None:
    hosted.answers = [answer("building")]
    assert kinds(kernel.run(f"%%capture captured\nbuild = %pcbuild status {ID}")) == []
    hosted.answers = [answer("success")]
    kernel.run("build.wait(20); None")
    messages = kernel.run("captured.show()")
    assert kinds(messages) == ["display_data"]
    last = [m for m in messages if m["msg_type"] in ("display_data", "update_display_data")][-1]
    assert text(last).startswith("✓  success")


def test_contexts_and_comparisons_have_pages_until_the_extension_is_unloaded(kernel: Kernel, agent: Path) -> None:
    code = (
        "import pipecat_nb\nfrom pipecat_nb.lifecycle import Explanation, Side\n"
        "explained = Explanation(Side('abcdef12-3'), None, ('Because of <this>.',))"
    )
    assert kinds(kernel.run(f"{code}\npacked = pipecat_nb.pack({str(agent)!r})")) == []

    def shown(name: str) -> dict[str, str]:
        (result,) = [message for message in kernel.run(name) if message["msg_type"] == "execute_result"]
        return dict(result["content"]["data"])

    assert "Preview of agent" in shown("packed")["text/html"]
    assert shown("packed")["text/plain"].startswith("<BuildContext ")
    assert "Because of &lt;this&gt;." in shown("explained")["text/html"]
    assert shown("explained")["text/plain"] == "Build abcdef12\nBecause of <this>."
    kernel.run("%unload_ext pipecat_nb")
    assert [*shown("packed"), *shown("explained")] == ["text/plain", "text/plain"]
    kernel.run("%load_ext pipecat_nb")


def test_no_secret_of_a_context_reaches_an_output(kernel: Kernel, hosted: Scripted, agent: Path) -> None:
    (agent / ".dockerignore").write_text("")
    (agent / ".env").write_text("KEY=value-of-a-secret\n")
    for line in (
        f"%pcbuild preview {agent}",
        f"%pcbuild {agent}",
        f"import pipecat_nb; pipecat_nb.pack({str(agent)!r})",
    ):
        messages = kernel.run(line)
        assert ".env:1" in str(messages)
        assert "value-of-a-secret" not in str(messages)
    assert hosted.asked == []


def test_unloading_ends_the_threads(kernel: Kernel, hosted: Scripted) -> None:
    hosted.answers = [answer("building")]
    kernel.run(f"build = %pcbuild status {ID}")
    kernel.run("%unload_ext pipecat_nb")
    code = "import threading; print([t.name for t in threading.enumerate() if 'pipecat' in t.name])"
    said = [m["content"]["text"] for m in kernel.run(code) if m["msg_type"] == "stream"]
    assert said == ["[]\n"]
    shown = [m for m in kernel.run("build") if m["msg_type"] == "execute_result"]
    assert "text/html" not in shown[0]["content"]["data"]
    kernel.run("%load_ext pipecat_nb")


def model_of(messages: list[dict[str, Any]]) -> str:
    """The widget that makes a cell's card a live one."""
    (shown,) = [message for message in messages if message["msg_type"] == "display_data"]
    found = re.search('data-pcb-model="([0-9a-f]+)"', shown["content"]["data"]["text/html"])
    assert found is not None
    return found[1]


def test_a_live_card_has_no_output_of_its_own(kernel: Kernel, hosted: Scripted) -> None:
    hosted.answers = [answer("building")]
    messages = kernel.run(f"build = %pcbuild status {ID}")
    assert kinds(messages) == ["display_data"]
    shown = next(message for message in messages if message["msg_type"] == "display_data")
    assert set(shown["content"]["data"]) == {"text/html", "text/plain"}
    model = model_of(messages)
    begun = kernel.heard(model)[0]["state"]
    assert begun["key"] == model
    assert begun["state"]["status"] == "building"
    kernel.wait_for(lambda: kernel.heard(model)[-1].get("state", {}).get("log", {}).get("total") == 2, "the log")
    assert kernel.heard(model)[-1]["state"]["log"]["lines"] == ["STEP 1/1: FROM scratch", "no such file"]
    hosted.answers = [answer("success")]
    kernel.wait_for(lambda: kernel.updates()[-1].startswith("✓  success"), "the end of the build")
    said = [state for each in kernel.heard(model) if (state := each.get("state", {}).get("state"))]
    assert said[-1]["status"] == "success"
    assert not said[-1]["ticking"]


def test_the_page_asks_for_what_it_has_missed(kernel: Kernel, hosted: Scripted) -> None:
    """Also of a build that had ended before anybody looked."""
    lines = [f"line {number}" for number in range(2500)]
    ended = answer("success")
    assert isinstance(ended.body, dict)
    hosted.answers = [Answer(body={**ended.body, "logs": lines})]
    kernel.run("%unload_ext pipecat_nb")
    kernel.run("%load_ext pipecat_nb")
    model = model_of(kernel.run(f"build = %pcbuild status {ID}"))
    assert kernel.heard(model)[0]["state"]["log"]["total"] == 0
    kernel.tell(model, {"kind": "mounted"})

    def window() -> dict[str, Any]:
        windows = [log for each in kernel.heard(model) if (log := each.get("state", {}).get("log"))]
        return dict(windows[-1])

    kernel.wait_for(lambda: window()["total"] == len(lines), "the log")
    assert window()["lines"] == lines[window()["first"] :]
    kernel.tell(model, {"kind": "want", "generation": 1, "first": 0, "last": window()["first"]})

    def pieces() -> list[dict[str, Any]]:
        return [each["content"] for each in kernel.heard(model) if each.get("method") == "custom"]

    kernel.wait_for(lambda: sum(len(piece["lines"]) for piece in pieces()) == window()["first"], "the rest")
    assert [line for piece in pieces() for line in piece["lines"]] == lines[: window()["first"]]
    assert all(lines[piece["first"]] == piece["lines"][0] for piece in pieces())


def test_a_front_end_without_anybody_gets_no_widget(hosted: Scripted) -> None:
    """papermill and `jupyter execute` save the state of widgets in the notebook, scripts and all."""
    cells = [
        f"import os; os.environ.update(PIPECAT_API_HOST={hosted.url!r}, PIPECAT_API_KEY='key-of-a-test')",
        "%load_ext pipecat_nb",
        f"%pcbuild status {ID}",
    ]
    hosted.answers = [answer("building")]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert "widgets" not in notebook.metadata
    (shown,) = notebook.cells[2].outputs
    assert "data-pcb-model" not in shown.data["text/html"]
    assert "As of 20" in shown.data["text/plain"]


@pytest.mark.usefixtures("engine", "service")
def test_run_all_stops_at_a_build_that_failed(agent: Path) -> None:
    """What nbclient does, papermill and `jupyter execute` do: the saved cards show the end."""
    notebook = nbformat.v4.new_notebook()
    bad = agent / "bad.Dockerfile"
    bad.write_text("FROM scratch\nCOPY absent.txt /\n")
    for code in (
        "%load_ext pipecat_nb",
        f"build = %pcbuild '{agent}' --wait",
        f"failing = %pcbuild '{agent}' --dockerfile bad.Dockerfile",
        "%pcbuild wait",
        "after = True",
    ):
        notebook.cells.append(nbformat.v4.new_code_cell(code))
    with pytest.raises(CellExecutionError, match="BuildFailed"):
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [cell.outputs for cell in notebook.cells]
    assert [[output.output_type for output in each] for each in outputs] == [
        [],
        ["display_data"],
        ["display_data"],
        ["display_data", "error"],
        [],
    ]
    assert "✓  success" in outputs[1][0].data["text/plain"]
    assert "✓</span> success" in outputs[1][0].data["text/html"]
    for shown in (outputs[2][0], outputs[3][0]):
        assert "✕  failed" in shown.data["text/plain"]


@pytest.mark.usefixtures("engine", "service")
def test_a_saved_card_knows_the_build_whose_cell_was_the_last(agent: Path) -> None:
    """The kernel ends with the cell: nothing refreshes the card afterwards."""
    cells = ["%load_ext pipecat_nb", f"%pcbuild '{agent}'"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (shown,) = notebook.cells[1].outputs
    said = shown.data["text/plain"]
    assert said.split()[1] in ("pending", "building", "success")
    assert "local service · us-west" in said
    assert re.search(r"^  id +[0-9a-f-]{36}$", said, re.MULTILINE)
