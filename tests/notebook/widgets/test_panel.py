"""The panel against the real local service, and against one that fails."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances

from pipecat_nb.client import Client
from pipecat_nb.errors import BadRequest
from pipecat_nb.lifecycle import BuildHandle, Workspace
from pipecat_nb.lifecycle.watcher import Listener
from pipecat_nb.models import Build, Region
from pipecat_nb.notebook.widgets import BuildCard
from pipecat_nb.notebook.widgets.panel import BUILD, COMPARE, TRENDS, Panel

from ...conftest import wait_until
from ...scripted import Answer, Scripted
from ..test_card import Page

MakeClient = Callable[..., Client]
MakePanel = Callable[..., Panel]

BUILDS = [
    {"id": f"build-{number}", "status": status, "region": "us-west", "createdAt": f"2026-03-01T12:0{number}:00Z"}
    for number, status in enumerate(("success", "failed", "building"))
]


def answer(builds: list[dict[str, str]]) -> Answer:
    """One answer to whatever is asked: builds, regions, the default region."""
    return Answer(
        body={
            "builds": builds,
            "total": len(builds),
            "regions": [{"code": "us-west"}],
            "properties": {"defaultRegion": "us-west"},
        }
    )


class Card(ipywidgets.Label):  # type: ignore[misc]
    """A card that says of which build it is, and whether it was closed."""

    def __init__(self, handle: BuildHandle) -> None:
        super().__init__()
        self.handle = handle
        self.closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


@pytest.fixture
def panel_of() -> Iterator[MakePanel]:
    panels: list[Panel] = []

    def make(workspace: Workspace, **options: Any) -> Panel:
        panels.append(Panel(workspace, card=Card, **options))
        return panels[-1]

    yield make
    for panel in panels:
        panel.close()
    assert threads() == []


@pytest.fixture
def panel(workspace: Workspace, agent: Path, panel_of: MakePanel) -> Panel:
    panel = panel_of(workspace, directory=str(agent))
    wait_until(lambda: not panel.table.loading, "the builds")
    return panel


@pytest.fixture
def faulty(key_client: MakeClient) -> Iterator[Workspace]:
    """A workspace of the scripted service."""
    workspace = Workspace(key_client())
    yield workspace
    workspace.close()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pipecat_nb panel")]


def said(panel: Panel) -> str:
    return Page(panel._message.value).text


def head(panel: Panel) -> str:
    return Page(panel._head.value).text


def card(panel: Panel) -> Card:
    (shown,) = panel._card_box.children
    assert isinstance(shown, Card)
    return shown


def build(panel: Panel) -> str:
    """Press Build, and give the id of the build that was started."""
    panel._message.value = ""
    panel._build.click()
    wait_until(lambda: said(panel).endswith(("page is closed.", "same content.")) or "✕" in said(panel), "a build")
    return str(panel.table.selected)


def test_where_builds_go_and_what_can_be_chosen(panel: Panel, workspace: Workspace) -> None:
    assert head(panel) == "Builds go to local service"
    wait_until(lambda: len(panel.form.region.options) > 1, "the regions")
    assert panel.form.region.value == workspace.client.default_region()
    assert panel.form.dockerfile.value == "Dockerfile"
    assert repr(panel) == "<Panel of the builds at local service>"


def test_a_saved_notebook_says_what_stood_there(panel: Panel) -> None:
    bundle = panel._repr_mimebundle_()
    assert bundle["text/plain"] == repr(panel)
    assert "run the cell to use it" in bundle["text/html"]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.model_id


def test_a_preview_sends_nothing(panel: Panel, agent: Path) -> None:
    before = len(panel.table.rows)
    panel._preview.click()
    wait_until(lambda: "Nothing was sent" in said(panel), "the preview")
    page = Page(panel._page.value)
    assert "bot.py" in page.text
    assert "2 files" in said(panel)
    assert "<style" not in panel._page.value  # it would outdo the card's own
    wait_until(lambda: panel._preview.description == "Preview", "the button")
    assert len(panel.table.rows) == before


def test_a_build_from_the_form_to_its_end(panel: Panel, agent: Path, engine: str) -> None:
    panel.form.note.value = "from the panel"
    built = build(panel)
    assert f"Build {built[:8]} of agent was started." in said(panel)
    assert card(panel).handle.id == built
    assert panel.form.note.value == ""
    assert panel._tabs.selected_index == BUILD
    card(panel).handle.wait(120)
    wait_until(lambda: panel.table.rows[0]["status"] == "success", "the table to tell the end")
    row = panel.table.rows[0]
    assert (row["id"], row["name"], row["note"], row["cached"]) == (built, "agent", "from the panel", False)
    assert "success rate" in Page(panel._trends.value).text

    # The same once more is found again, and marked.
    assert build(panel) == built
    assert "was not built again" in said(panel)
    wait_until(lambda: panel.table.rows[0]["cached"], "the mark")


def test_two_builds_compared(panel: Panel, agent: Path, engine: str) -> None:
    first = build(panel)
    (agent / "bot.py").write_text(f"print({os.urandom(8).hex()!r})\n")
    (agent / "new.py").write_text("new = True\n")
    second = build(panel)
    assert first != second
    panel.table.compared = [second]
    assert "Check one build more" in Page(panel._comparison.value).text
    panel.table.compared = [second, first]  # the order of choosing is not that of building
    wait_until(lambda: "Files differ" in Page(panel._comparison.value).text, "the comparison")
    text = Page(panel._comparison.value).text
    assert f"Build {first[:8]} → {second[:8]}" in text
    assert "1 added, 1 changed" in text
    assert "<style" not in panel._comparison.value
    wait_until(lambda: panel._tabs.selected_index == COMPARE, "the tab")
    panel.table.compared = []
    assert "Check two builds" in Page(panel._comparison.value).text


def test_choosing_a_build_shows_its_card(panel: Panel, agent: Path, engine: str) -> None:
    first = build(panel)
    (agent / "bot.py").write_text(f"print({os.urandom(8).hex()!r})\n")
    second = build(panel)
    before = card(panel)
    assert before.handle.id == second
    panel._tabs.selected_index = TRENDS
    panel.table.selected = first
    wait_until(lambda: card(panel).handle.id == first, "the other card")
    assert before.closed
    assert panel._tabs.selected_index == BUILD


def test_a_build_has_one_handle_however_often_it_is_chosen(
    panel: Panel, workspace: Workspace, agent: Path, engine: str
) -> None:
    first = build(panel)
    started = card(panel).handle
    (agent / "bot.py").write_text(f"print({os.urandom(8).hex()!r})\n")
    second = build(panel)
    assert workspace.attach(workspace.find("^2")) is started
    for chosen in (first, second, first):
        panel.table.selected = chosen
        wait_until(lambda: card(panel).handle.id == chosen, "the card")  # noqa: B023
    assert card(panel).handle is started


def test_what_is_wrong_stands_in_the_panel_with_what_to_do(panel: Panel, agent: Path) -> None:
    panel.form.directory.value = str(agent / "nowhere")
    panel._preview.click()
    wait_until(lambda: "✕" in said(panel), "the error")
    assert "nowhere" in said(panel)
    assert 'role="alert"' in panel._message.value
    panel.form.directory.value = str(agent)
    (agent / ".dockerignore").touch()
    (agent / ".env").write_text("API_KEY=sk-proj-0123456789abcdef0123456789abcdef\n")
    build(panel)
    assert "secret" in said(panel)
    assert "--allow-secret" in said(panel)
    assert "0123456789abcdef" not in repr([widget.get_state() for widget in every(panel)])
    assert card(panel).handle.problem
    wait_until(lambda: panel._build.description == "Build", "the button")


def every(panel: Panel) -> list[ipywidgets.Widget]:
    found, left = [], [panel]
    while left:
        widget = left.pop()
        found.append(widget)
        left += getattr(widget, "children", ())
    return found


def test_one_at_a_time_and_the_button_says_so(
    workspace: Workspace, agent: Path, panel_of: MakePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()

    class Slow(Workspace):
        def start(self, *args: Any, **options: Any) -> BuildHandle:
            goes_on.wait(30)
            raise RuntimeError("<b>a fault of ours</b>")

    slow = Slow(workspace.client)
    panel = panel_of(slow, directory=str(agent))
    panel._build.click()
    assert panel._build.description == "Starting …"
    assert not panel._build.disabled  # a disabled button loses the focus
    panel._build.click()
    assert "goes on already" in said(panel)
    goes_on.set()
    wait_until(lambda: "✕" in said(panel), "the fault")
    assert "RuntimeError: <b>a fault of ours</b>" in said(panel)
    assert "<b>" not in panel._message.value
    wait_until(lambda: panel._build.description == "Build", "the button")
    panel.close()
    slow.close()


def test_a_service_that_cannot_be_reached_and_is_there_again(
    scripted: Scripted, faulty: Workspace, panel_of: MakePanel
) -> None:
    scripted.answers = [Answer(401, {"error": "Unauthorized", "code": "X"})]
    panel = panel_of(faulty)
    wait_until(lambda: 'role="alert"' in panel._head.value, "the problem")
    wait_until(lambda: panel._retry.description == "Retry", "the button")
    wait_until(lambda: not panel.table.loading, "the end of the asking")
    scripted.answers = [answer(BUILDS)]
    panel._retry.click()
    wait_until(lambda: "alert" not in panel._head.value, "the end of the problem")
    wait_until(lambda: panel.form.region.value == "us-west", "the regions")
    assert [row["id"] for row in panel.table.rows] == ["build-2", "build-1", "build-0"]
    wait_until(lambda: panel._retry.description == "Refresh", "the button")


def test_refreshing_brings_the_next_look_for_the_cards_too(
    scripted: Scripted, key_client: MakeClient, panel_of: MakePanel
) -> None:
    listened: list[object] = []

    class Listened(Workspace):
        def listen(self, listener: Listener) -> None:
            listened.append(listener)
            super().listen(listener)

    scripted.answers = [answer(BUILDS)]
    workspace = Listened(key_client())
    panel = panel_of(workspace)
    wait_until(lambda: len(listened) == 1, "the first look")
    panel._retry.click()
    wait_until(lambda: len(listened) == 2, "one more look")
    assert len(set(listened)) == 1
    workspace.close()


def test_it_comes_back_by_itself(scripted: Scripted, faulty: Workspace, panel_of: MakePanel) -> None:
    scripted.answers = [Answer(401, {"error": "Unauthorized", "code": "X"})]
    panel = panel_of(faulty)
    wait_until(lambda: "alert" in panel._head.value, "the problem")
    scripted.answers = [answer(BUILDS)]
    wait_until(lambda: "alert" not in panel._head.value, "the end of the problem")
    wait_until(lambda: panel.form.region.value == "us-west", "the regions")


def test_only_what_is_missing_is_asked_for_again(scripted: Scripted, panel_of: MakePanel) -> None:
    asked: list[str] = []

    class Refusing(Client):
        """Lists builds, and will not tell the regions."""

        def list_builds(self, *, limit: int | None = None, **filters: Any) -> list[Build]:  # type: ignore[override]
            asked.append(f"{limit} builds")
            return [Build.from_json(each) for each in BUILDS]

        def regions(self) -> list[Region]:
            asked.append("regions")
            raise BadRequest("No regions for you.", status=403)

    workspace = Workspace(Refusing("key-of-a-test", api_host=scripted.url))
    panel = panel_of(workspace)
    wait_until(lambda: asked.count("regions") >= 3, "some tries")
    assert asked.count("1000 builds") == 1
    assert asked.count("regions") <= asked.count("100 builds") + 1  # no faster than the builds are looked at
    assert len(panel.table.rows) == 3
    assert "No regions for you." in head(panel)
    panel._retry.click()
    wait_until(lambda: asked.count("1000 builds") == 2, "all of it again")
    workspace.close()


def test_one_list_a_look_whatever_is_shown(scripted: Scripted, faulty: Workspace, panel_of: MakePanel) -> None:
    scripted.answers = [answer(BUILDS)]
    panel = panel_of(faulty)
    handle = faulty.attach(Build.from_json(BUILDS[2]))
    told: list[object] = []
    faulty.listen(told.append)
    wait_until(lambda: len(told) >= 3, "some looks")
    assert handle.followed
    lists = [asked.path for asked in scripted.asked if asked.path.startswith("/v1/builds?")]
    assert len(lists) <= len(told) + 3  # the panel's own first one, and those of the first looks
    assert panel.table.rows


def test_the_table_changes_only_where_something_has(
    scripted: Scripted, faulty: Workspace, panel_of: MakePanel
) -> None:
    scripted.answers = [answer(BUILDS)]
    panel = panel_of(faulty)
    wait_until(lambda: panel.table.rows, "the builds")
    sent: list[object] = []
    panel.table.observe(sent.append, "rows")
    told: list[object] = []
    faulty.listen(told.append)
    wait_until(lambda: len(told) >= 2, "some looks")
    assert sent == []
    done = [{**each, "status": "success"} for each in BUILDS]
    scripted.answers = [answer(done)]
    wait_until(lambda: sent, "the news")
    assert [row["status"] for row in panel.table.rows] == ["success"] * 3


def test_a_comparison_follows_its_builds_and_stays_where_it_is(
    scripted: Scripted, faulty: Workspace, panel_of: MakePanel
) -> None:
    scripted.answers = [answer(BUILDS)]
    panel = panel_of(faulty)
    wait_until(lambda: panel.table.rows, "the builds")
    panel.table.compared = ["build-2", "build-1"]
    wait_until(lambda: panel._tabs.selected_index == COMPARE, "the comparison")
    assert "● building" in Page(panel._comparison.value).text
    panel._tabs.selected_index = TRENDS
    scripted.answers = [answer([{**each, "status": "success"} for each in BUILDS])]
    wait_until(lambda: "building" not in Page(panel._comparison.value).text, "the news")
    assert panel._tabs.selected_index == TRENDS


def test_nothing_secret_is_in_the_page(scripted: Scripted, key_client: MakeClient, panel_of: MakePanel) -> None:
    scripted.answers = [Answer(401, {"error": "no such key: sk_secret_of_a_test", "code": "X"})]
    workspace = Workspace(key_client("sk_secret_of_a_test"))
    panel = panel_of(workspace)
    wait_until(lambda: "alert" in panel._head.value, "the problem")
    assert "sk_secret" not in repr([widget.get_state() for widget in every(panel)])
    workspace.close()


def test_closing_ends_all_of_it(panel: Panel, workspace: Workspace) -> None:
    widgets = every(panel)
    panel.close()
    panel.close()
    assert threads() == []
    assert all(widget.comm is None for widget in widgets)
    wait_until(lambda: not any(t.name == "pipecat_nb watcher" for t in threading.enumerate()), "the watcher")


def test_who_chose_another_build_meanwhile_keeps_it(
    scripted: Scripted, key_client: MakeClient, panel_of: MakePanel, tmp_path: Path
) -> None:
    scripted.answers = [answer(BUILDS)]
    sent = threading.Event()

    class Slow(Workspace):
        def start(self, *args: Any, show: Callable[[BuildHandle], None], **options: Any) -> BuildHandle:
            handle = BuildHandle(self.client, directory=str(tmp_path), name="slow")
            show(handle)
            sent.wait(30)
            handle.update(Build.from_json({"id": "build-9", "status": "building"}))
            return handle

    workspace = Slow(key_client())
    panel = panel_of(workspace, directory=str(tmp_path))
    wait_until(lambda: panel.table.rows, "the builds")
    panel._build.click()
    wait_until(lambda: isinstance(panel._card_box.children[0], Card), "the card of the started build")
    panel.table.selected = "build-1"
    wait_until(lambda: card(panel).handle.id == "build-1", "the card of the chosen build")
    sent.set()
    wait_until(lambda: "was started" in said(panel), "the start")
    assert panel.table.selected == "build-1"
    assert card(panel).handle.id == "build-1"
    assert "build-9" in [row["id"] for row in panel.table.rows]
    workspace.close()


def test_opening_and_closing_leaves_no_model(scripted: Scripted, faulty: Workspace) -> None:
    scripted.answers = [answer(BUILDS)]
    before = set(_instances)
    panel = Panel(faulty)
    wait_until(lambda: panel.table.rows, "the builds")
    panel.table.selected = "build-1"
    wait_until(lambda: isinstance(panel._card_box.children[0], BuildCard), "the card")
    panel.close()
    left = [type(_instances[key]).__name__ for key in set(_instances) - before]
    assert left == []


def test_what_comes_after_closing_leaves_nothing_behind(
    scripted: Scripted, key_client: MakeClient, tmp_path: Path
) -> None:
    scripted.answers = [answer(BUILDS)]
    cards: list[Card] = []

    def make(handle: BuildHandle) -> Card:
        cards.append(Card(handle))
        return cards[-1]

    class Late(Workspace):
        """The panel is closed while a build is sent."""

        def start(self, *args: Any, show: Callable[[BuildHandle], None], **options: Any) -> BuildHandle:
            handle = BuildHandle(self.client)
            panel.close()
            show(handle)
            handle.update(Build.from_json(BUILDS[0]))
            return handle

    workspace = Late(key_client())
    panel = Panel(workspace, directory=str(tmp_path), card=make)
    wait_until(lambda: panel.table.rows, "the builds")
    panel._build.click()
    wait_until(lambda: not threads(), "the end of the action")
    assert [card.closed for card in cards] == [True]
    assert panel.table.selected == ""
    workspace.close()


def test_every_control_has_a_name(panel: Panel) -> None:
    named = [widget for widget in every(panel) if hasattr(widget, "description")]
    unnamed = [widget for widget in named if not widget.description and not isinstance(widget, ipywidgets.HTML)]
    assert unnamed == []
