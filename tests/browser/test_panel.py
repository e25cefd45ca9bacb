"""The panel in a real JupyterLab: by keyboard, with assistive technology, in all widths and both themes."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import LOAD, Open, barriers

pytestmark = pytest.mark.usefixtures("engine", "service")


def tab_to(page: Page, name: str | re.Pattern[str], *, back: bool = False) -> None:
    """Press Tab until what has this accessible name, or text, has the focus."""
    told = """() => {
        const { activeElement: at } = document;
        return at.getAttribute('aria-label') || at.labels?.[0]?.innerText || at.innerText || '';
    }"""
    seen = []
    for _ in range(60):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        seen.append(str(page.evaluate(told)).strip())
        if re.search(name, seen[-1]):
            return
    raise AssertionError(f"the keyboard does not reach {name!r}: {seen}")


def test_the_whole_panel_by_keyboard(notebook: Open, agent: Path) -> None:
    opened = notebook(LOAD, "%pcbuild panel .")
    opened.run()
    page = opened.page
    panel = opened.cell(1)
    expect(panel.get_by_text("Builds go to local service")).to_be_visible()
    page.evaluate("() => document.activeElement.blur()")
    panel.get_by_role("button", name="Refresh").focus()

    tab_to(page, "^Directory")
    page.keyboard.press("Control+A")
    page.keyboard.type(str(agent))
    page.keyboard.press("Tab")
    expect(panel.get_by_label("Dockerfile")).to_have_value("Dockerfile")
    tab_to(page, "^Note")
    page.keyboard.type("by keyboard")
    tab_to(page, "^Preview")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status").filter(has_text="Nothing was sent")).to_be_visible()
    expect(panel.get_by_role("group", name="Preview of agent")).to_be_visible()
    # The focus has stayed where it was.
    tab_to(page, "^Build$")
    page.keyboard.press("Enter")
    card = panel.locator(".pcb-live")
    expect(card.locator(".pcb-status")).to_contain_text("success")
    expect(card.locator(".pcb-note")).to_have_text("by keyboard")
    expect(panel.locator("[role=grid] tbody tr[aria-selected='true']")).to_contain_text("success")

    # A build that fails says so in the panel, and what to do.
    tab_to(page, "^Directory", back=True)
    page.keyboard.press("Control+A")
    page.keyboard.type(f"{agent}/no-such-place")
    tab_to(page, "^Build$")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text("no-such-place")

    expect(panel.get_by_role("button", name="Build", exact=True).first).to_have_text("Build")

    # Another build, the two compared, and the trends.
    (agent / "bot.py").write_text(f"print({os.urandom(8).hex()!r})\n")
    tab_to(page, "^Directory", back=True)
    page.keyboard.press("Control+A")
    page.keyboard.type(str(agent))
    tab_to(page, "^Build$")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("alert")).to_have_count(0)
    expect(card.locator(".pcb-status")).to_contain_text("success")
    boxes = panel.locator("[role=grid] tbody input[type='checkbox']")
    expect(boxes.nth(1)).to_be_visible()
    for number in (0, 1):
        boxes.nth(number).focus()
        page.keyboard.press("Space")
    expect(panel.get_by_text("bot.py").first).to_be_visible()
    panel.get_by_role("tab", name="Compare").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("tab", name="Trends")).to_have_attribute("aria-selected", "true")
    expect(panel.locator(".pcb-chart")).to_be_visible()
    assert opened.problems == []


def test_nothing_stands_in_the_way_of_assistive_technology(notebook: Open, agent: Path) -> None:
    opened = notebook(
        LOAD,
        f"%pcbuild preview {agent}",
        f"good = %pcbuild {agent} --wait",
        f"%%pcbuild {agent}\nFROM scratch\nCOPY absent.txt /\n",
        "panel = %pcbuild panel\npanel",
    )
    opened.run()
    expect(opened.card(3).locator(".pcb-status")).to_contain_text("failed")
    panel = opened.cell(4)
    panel.locator("[role=grid] tbody tr").first.click()
    expect(panel.locator(".pcb-live .pcb-status")).to_be_visible()
    for number in (2, 3):
        opened.card(number).get_by_role("button", name=re.compile("^Log")).click()
    assert barriers(opened.page, ".jp-OutputArea-output") == []
    opened.dark()
    assert barriers(opened.page, ".jp-OutputArea-output") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_width(notebook: Open, agent: Path, theme: str) -> None:
    opened = notebook(LOAD, f"build = %pcbuild {agent} --wait", f"%pcbuild panel {agent}")
    opened.run()
    if theme == "dark":
        opened.dark()
    panel = opened.cell(2)
    panel.locator("[role=grid] tbody tr").first.click()
    expect(panel.locator(".pcb-live .pcb-status")).to_be_visible()
    for width in (400, 860, 1600):
        opened.page.set_viewport_size({"width": width, "height": 900})
        opened.page.wait_for_function(
            """() => {
                const output = [...document.querySelectorAll('.jp-OutputArea-output')].at(-1);
                return output.scrollWidth <= output.clientWidth + 1;
            }"""
        )


def test_the_panel_without_its_kernel(notebook: Open) -> None:
    opened = notebook(LOAD, "%pcbuild panel")
    opened.run()
    panel = opened.cell(1)
    expect(panel.get_by_role("columnheader", name="Status")).to_be_visible()
    opened.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(panel.get_by_text(re.compile("disconnected", re.IGNORECASE)).first).to_be_visible()
    opened.wait_for_kernel()
    # What is saved says what it is to those who have no kernel.
    ((output,),) = [cell for cell in opened.saved() if cell]
    assert "panel" in "".join(output["data"]["text/html"])
