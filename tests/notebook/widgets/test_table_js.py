"""The table's script in a real browser, with a model that has no kernel."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pipecat_nb.models import format_time
from pipecat_nb.notebook.widgets.table import BuildTable

from .conftest import THEMES

#: The shared model, which also tells what was saved for the kernel and takes what comes from there.
MODEL = (
    Path(__file__).with_name("fake_model.js").read_text(encoding="utf-8").replace("export class", "class")
    + """
class TableModel extends FakeModel {
  saved = [];
  changed = {};
  set(name, value) {
    if (JSON.stringify(this.get(name)) === JSON.stringify(value)) return;
    this.changed[name] = value;
    super.set(name, value);
  }
  save_changes() {
    if (Object.keys(this.changed).length) this.saved.push(this.changed);
    this.changed = {};
  }
  receive(state) {
    for (const [name, value] of Object.entries(state)) super.set(name, value);
  }
}
window.mount = async (source, state) => {
  const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const model = new TableModel(state), controller = new AbortController();
  const leave = await module.default.render({
    model, el: document.getElementById("widget"), signal: controller.signal,
  });
  Object.assign(window, { model, controller, module, leave });
};
"""
)

Mount = Callable[..., Page]


def row(number: int, **changes: Any) -> dict[str, Any]:
    """Build number 0 is the newest."""
    created = datetime.now(UTC) - timedelta(minutes=number)
    return {
        "id": f"{number:08d}-0000",
        "status": "success",
        "mood": "good",
        "sign": "✓",
        "name": f"agent-{number}",
        "region": ("us-west", "us-east")[number % 2],
        "created": format_time(created),
        "queue": 2.5,
        "build": 60.0 + number,
        "size": 1024 * 1024 * (number + 1),
        "commit": "1f3a2b4c5d",
        "note": "",
        "cached": False,
        **changes,
    }


FAILED = {"status": "failed", "mood": "bad", "sign": "✕", "size": None}
LIVE = {"status": "building", "mood": "live", "sign": "●", "build": None, "size": None}


@pytest.fixture
def mount(browser: Browser) -> Iterator[Mount]:
    pages: list[Page] = []
    problems: list[str] = []

    def mount(rows: list[dict[str, Any]], *, width: int = 1000, theme: str = "light", **state: Any) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 700})
        pages.append(page)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda told: problems.append(told.text) if told.type == "error" else None)
        light = "true" if theme == "light" else "false"
        page.set_content(
            f'<!doctype html><html lang="en"><style>{BuildTable._css}</style>'
            f'<body data-jp-theme-light="{light}" style="margin: 8px; {THEMES[theme]}">'
            '<div id="widget"></div></body></html>'
        )
        page.add_script_tag(content=MODEL)
        first = {
            "key": "model-1",
            "rows": rows,
            "selected": "",
            "compared": [],
            "sort": ["created", "descending"],
            "text": "",
            "status": "",
            "region": "",
            "loading": False,
        }
        page.evaluate("([source, state]) => mount(source, state)", [BuildTable._esm, first | state])
        return page

    yield mount
    for page in pages:
        page.close()
    assert problems == []


def shown(page: Page) -> list[str]:
    """The names in the page, from top to bottom."""
    return page.locator("tr[data-id] td[data-column=name]").all_inner_texts()


def receive(page: Page, **state: Any) -> None:
    page.evaluate("state => model.receive(state)", state)


def saved(page: Page) -> dict[str, Any]:
    """All that was told to the kernel."""
    told: dict[str, Any] = page.evaluate("Object.assign({}, ...model.saved)")
    return told


def focused(page: Page) -> str:
    """The id of the row that has the focus, or what else has it."""
    found: str = page.evaluate(
        "document.activeElement.closest('tr')?.dataset.id ?? document.activeElement.tagName"
    )
    return found


def test_a_build_in_words(mount: Mount) -> None:
    page = mount([row(3, cached=True, note="uv", commit="1f3a2b4c5d-dirty")])
    cells = [cell.strip() for cell in page.locator("tr[data-id] td").all_inner_texts()]
    told = ["", "✓ success cached", "agent-3", "00000003", "us-east", "3 min ago", "2.5 s", "1 min 03 s"]
    assert cells == [*told, "4.0 MB", "1f3a2b4c*", "uv"]
    assert page.locator("output").inner_text() == "1 build"
    assert page.get_by_role("grid", name="Builds").get_attribute("aria-rowcount") == "2"
    assert page.locator("time").get_attribute("datetime")


def test_what_is_not_known_yet_and_what_is_not_known(mount: Mount) -> None:
    page = mount([row(0, **LIVE), row(1, **FAILED, build=None, created="")])
    numbers = page.locator("tr[data-id] td.pcb-number")
    assert numbers.all_inner_texts() == ["2.5 s", "…", "…", "2.5 s", "–", "–"]
    assert page.locator("td[data-column=created]").all_inner_texts() == ["just now", "–"]


def test_hostile_text_is_text(mount: Mount) -> None:
    attack = "<img src=x onerror=document.title='hacked'><script>document.title='hacked'</script>\u202egnp"
    page = mount([row(0, name=attack, note=attack, region=attack, status=attack, commit=attack, id=attack)])
    assert page.locator("#widget :is(img, script)").count() == 0
    assert page.title() == ""
    assert attack in page.locator("td[data-column=name] bdi").text_content()  # type: ignore[operator]


def test_sorting(mount: Mount) -> None:
    page = mount([row(number) for number in range(12)])
    header = page.get_by_role("columnheader", name="Name")
    header.get_by_role("button").click()
    assert shown(page)[:3] == ["agent-0", "agent-1", "agent-2"]
    assert shown(page)[-1] == "agent-11"  # numbers in names count as numbers
    assert header.get_attribute("aria-sort") == "ascending"
    header.get_by_role("button").press("Enter")
    assert shown(page)[0] == "agent-11"
    assert saved(page)["sort"] == ["name", "descending"]
    assert page.locator("[aria-sort=none]").count() == 9


@pytest.mark.parametrize("direction", ["ascending", "descending"])
def test_what_has_no_value_comes_last(mount: Mount, direction: str) -> None:
    page = mount([row(0, build=None), row(1, build=2.0), row(2, build=1.0)], sort=["build", direction])
    order = ["agent-2", "agent-1"] if direction == "ascending" else ["agent-1", "agent-2"]
    assert shown(page) == [*order, "agent-0"]


def test_filters_and_the_true_count(mount: Mount) -> None:
    rows = [row(number, **(FAILED if number % 4 == 0 else {})) for number in range(200)]
    page = mount(rows)
    page.get_by_label("Status").select_option("failed")
    expect(page.locator("output")).to_have_text("50 of 200 builds")
    page.get_by_label("Region").select_option("us-west")
    page.get_by_label("Search").fill("agent-1 nothing")
    expect(page.locator("output")).to_have_text("0 of 200 builds")
    page.get_by_label("Search").fill("1F3A agent-1")
    expect(page.locator("output")).to_have_text("27 of 200 builds")
    page.wait_for_function("model.saved.some(each => each.text === '1F3A agent-1')")
    assert saved(page)["status"] == "failed"
    assert page.get_by_label("Region").locator("option").all_inner_texts() == ["all", "us-east", "us-west"]


def test_python_sets_what_is_filtered_and_sorted(mount: Mount) -> None:
    page = mount([row(0), row(1, **FAILED)])
    receive(page, status="failed", text="agent", sort=["name", "ascending"])
    assert shown(page) == ["agent-1"]
    assert page.get_by_label("Status").input_value() == "failed"
    assert page.get_by_label("Search").input_value() == "agent"
    assert page.evaluate("model.saved") == []


def test_empty_states_say_what_to_do(mount: Mount) -> None:
    page = mount([], loading=True)
    empty = page.get_by_role("status").filter(has_text="Loading the builds")
    assert empty.count() == 1
    receive(page, loading=False)
    expect(page.locator(".pcb-empty")).to_contain_text("No builds yet.")
    assert not page.get_by_role("button", name="Clear the filters").is_visible()
    receive(page, rows=[row(0)], text="nothing has this")
    expect(page.locator(".pcb-empty")).to_contain_text("No build matches these filters.")
    page.get_by_role("button", name="Clear the filters").press("Enter")
    assert shown(page) == ["agent-0"]
    assert saved(page) == {"text": ""}
    assert page.evaluate("document.activeElement.type") == "search"


def test_choosing_with_the_mouse(mount: Mount) -> None:
    page = mount([row(0), row(1)])
    page.get_by_text("agent-1").click()
    assert saved(page)["selected"] == row(1)["id"]
    assert page.get_by_role("row", selected=True).get_attribute("data-id") == row(1)["id"]


def test_the_keyboard_alone(mount: Mount) -> None:
    page = mount([row(number) for number in range(300)])
    page.locator("tr[tabindex='0']").focus()
    assert page.locator("tbody [tabindex='0']").count() == 2  # one row and its box
    for key, at in [("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", 299), ("ArrowDown", 299)]:
        page.keyboard.press(key)
        assert focused(page) == row(at)["id"], key
    page.keyboard.press("Enter")
    assert saved(page)["selected"] == row(299)["id"]
    page.keyboard.press("PageUp")
    assert 270 < int(focused(page).split("-")[0]) < 299
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "checkbox"
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert saved(page)["compared"] == [row(0)["id"], row(1)["id"]]
    assert saved(page)["selected"] == row(299)["id"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert saved(page)["selected"] == row(1)["id"]


def test_a_notebooks_shortcuts_are_kept_from_the_keys_that_move(mount: Mount) -> None:
    page = mount([row(0), row(1)])
    # As JupyterLab does: it looks at the focused element before any other listener of the page.
    page.evaluate(
        """document.addEventListener("keydown", (event) => {
          window.kept = event.target.hasAttribute("data-lm-suppress-shortcuts");
        }, true)"""
    )
    page.locator("tr[tabindex='0']").focus()
    keys = {"ArrowDown": True, "b": True, "Control+s": False, "Shift+Enter": False, "Escape": False, "Enter": True}
    for key, kept in keys.items():
        page.keyboard.press(key)
        assert page.evaluate("kept") == kept, key
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("b")  # in another place of the notebook
    assert page.evaluate("kept") is False


def test_the_row_with_the_focus_is_in_sight(mount: Mount) -> None:
    page = mount([row(number) for number in range(300)])
    page.locator("tr[tabindex='0']").focus()
    for key in ("End", "PageUp", "PageUp", "ArrowUp", "Home", "PageDown"):
        page.keyboard.press(key)
        visible = page.evaluate(
            """() => {
              const row = document.activeElement.getBoundingClientRect();
              const area = document.querySelector(".pcb-area").getBoundingClientRect();
              const head = document.querySelector("thead").getBoundingClientRect();
              return row.top >= head.bottom - 1 && row.bottom <= area.bottom + 1;
            }"""
        )
        assert visible, key


def test_two_are_compared_and_the_oldest_choice_gives_way(mount: Mount) -> None:
    page = mount([row(number) for number in range(4)])
    for number in range(3):
        page.get_by_label(f"Compare build {row(number)['id'][:8]}").check()
    assert saved(page)["compared"] == [row(1)["id"], row(2)["id"]]
    assert not page.get_by_label(f"Compare build {row(0)['id'][:8]}").is_checked()
    page.get_by_label(f"Compare build {row(1)['id'][:8]}").uncheck()
    assert saved(page)["compared"] == [row(2)["id"]]


@pytest.mark.parametrize("part", ["row", "box"])
def test_an_update_keeps_focus_place_and_choice(mount: Mount, part: str) -> None:
    rows = [row(number) for number in range(200)]
    page = mount(rows, selected=row(100)["id"])
    page.evaluate("document.querySelector('.pcb-area').scrollTop = 100 * 29 - 60")
    held = page.locator(f"tr[data-id='{row(101)['id']}']")
    (held if part == "row" else held.get_by_role("checkbox")).focus()
    before = held.bounding_box()
    newer = [row(1000 + number, created=format_time(datetime.now(UTC))) for number in range(3)]
    rows[101] = row(101, **FAILED)
    receive(page, rows=[*newer, *rows])
    assert focused(page) == row(101)["id"]
    assert page.evaluate("document.activeElement.tagName") == {"row": "TR", "box": "INPUT"}[part]
    assert held.bounding_box() == before
    assert "failed" in held.inner_text()
    assert page.get_by_role("row", selected=True).get_attribute("data-id") == row(100)["id"]


def test_the_row_with_the_focus_keeps_it_out_of_sight(mount: Mount) -> None:
    page = mount([row(number) for number in range(300)])
    page.locator("tr[tabindex='0']").focus()
    page.evaluate("document.querySelector('.pcb-area').scrollTop = 5000")
    page.wait_for_selector("text=agent-175")
    assert focused(page) == row(0)["id"]
    page.keyboard.press("ArrowDown")
    assert focused(page) == row(1)["id"]


def test_where_the_row_with_the_focus_goes_away_the_next_one_gets_it(mount: Mount) -> None:
    page = mount([row(number) for number in range(5)])
    page.locator(f"tr[data-id='{row(0)['id']}']").focus()
    page.keyboard.press("ArrowDown")
    receive(page, rows=[row(0), row(2), row(3)])
    assert focused(page) == row(2)["id"]
    receive(page, rows=[])
    assert focused(page) == "INPUT"


def test_typing_is_not_disturbed_by_an_update(mount: Mount) -> None:
    page = mount([row(number) for number in range(5)])
    field = page.get_by_label("Search")
    field.press_sequentially("agent-")
    receive(page, rows=[row(number) for number in range(6)])
    field.press_sequentially("3")
    assert field.input_value() == "agent-3"
    assert shown(page) == ["agent-3"]


def test_the_kernel_gone(mount: Mount) -> None:
    page = mount([row(0, **LIVE), row(1)])
    assert page.locator(".pcb-disconnected").inner_text() == ""
    page.evaluate("model.real.comm_live = false")
    expect(page.get_by_role("status").filter(has_text="the kernel is gone")).to_be_visible()
    page.get_by_label("Search").fill("agent-1")  # what needs no kernel goes on
    assert shown(page) == ["agent-1"]
    page.evaluate("model.real.comm_live = true")
    expect(page.locator(".pcb-disconnected")).to_be_empty()


def test_a_channel_that_was_disposed_is_a_kernel_that_is_gone(mount: Mount) -> None:
    page = mount([row(0)])
    page.evaluate("model.real.comm = {jsServicesComm: {isDisposed: true}}")
    expect(page.locator(".pcb-disconnected")).to_contain_text("Disconnected", timeout=10_000)


@pytest.mark.parametrize("way", ["controller.abort()", "leave()"])  # that of older versions is the second
def test_nothing_is_left_when_the_view_is_removed(mount: Mount, way: str) -> None:
    page = mount([row(0)])
    page.evaluate(way)
    assert page.evaluate("[...model.listeners.values()].flat().length") == 0
    receive(page, rows=[])


def test_a_thousand_builds_do_not_block_the_page(mount: Mount) -> None:
    rows = [row(number, **(LIVE if number % 20 == 0 else {})) for number in range(1000)]
    page = mount(rows)
    assert page.locator("tbody tr").count() < 60
    assert page.locator("output").inner_text() == "1,000 builds"
    # With the layout that follows, for each kind of change; the best of some, the machine has other work.
    times: dict[str, float] = page.evaluate(
        """rows => {
          const best = (change) => Math.min(...Array.from({length: 7}, (_, turn) => {
            const begun = performance.now();
            change(turn);
            document.querySelector("tbody").getBoundingClientRect();
            return performance.now() - begun;
          }));
          const changed = (turn) => rows.map((row) => ({...row, build: turn + 1, note: `turn ${turn}`}));
          const ways = ["ascending", "descending"];
          return {
            update: best((turn) => model.receive({rows: changed(turn)})),
            sort: best((turn) => model.receive({sort: ["name", ways[turn % 2]]})),
            filter: best((turn) => model.receive({text: turn % 2 ? "agent-9" : ""})),
          };
        }""",
        rows,
    )
    print({name: round(time, 1) for name, time in times.items()})
    assert max(times.values()) < 50


ESSENTIAL = ["Compare⇄", "Status", "Name", "Started ▼", "Built in"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "columns"), [(400, 5), (860, 9), (1600, 11)])
def test_every_width_and_theme(mount: Mount, width: int, columns: int, theme: str) -> None:
    long = "a-name-that-is-far-too-long-for-any-column-of-a-table-" * 3
    page = mount(
        [row(0, name=long, note=long), *(row(number) for number in range(1, 40))], width=width, theme=theme
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("(s => s.scrollWidth - s.clientWidth)(document.querySelector('.pcb-area'))") == 0
    headers = page.locator("th:visible")
    assert headers.count() == columns
    assert set(ESSENTIAL) <= {text.strip().replace("\n", "") for text in headers.all_inner_texts()}
    assert page.locator("td[data-column=name]").first.bounding_box()["width"] > 60  # type: ignore[index]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(mount: Mount, theme: str) -> None:
    rows = [row(0), row(1, **FAILED), row(2, **LIVE), row(3, status="new", mood="unknown", sign="?")]
    page = mount([*rows, row(4, cached=True)], theme=theme, width=1600)
    for chosen in ["", *(each["id"] for each in rows)]:
        receive(page, selected=chosen)
        poor = page.evaluate(CONTRAST)
        assert poor == []


#: The texts whose contrast is below WCAG AA, by the colours as they are painted.
CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const paint = (colours) => {
    canvas.fillStyle = document.body.dataset.jpThemeLight === "true" ? "white" : "#111";
    canvas.fillRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    const part = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const poor = [];
  const texts = "#widget :is(td, td span, td bdi, th button, label span, output)";
  for (const element of document.querySelectorAll(texts)) {
    if (!element.textContent.trim()) continue;
    const grounds = [];
    const style = getComputedStyle(element);
    for (let each = element; each; each = each.parentElement) {
      grounds.unshift(getComputedStyle(each).backgroundColor);
    }
    const [ground, text] = [paint(grounds), paint([...grounds, style.color])];
    const ratio = (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
    if (ratio < 4.5) poor.push([element.textContent, ratio]);
  }
  return poor;
}"""
