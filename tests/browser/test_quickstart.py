"""The quickstart as a person runs it: JupyterLab in a browser, Run All, and a look at the cards."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

PROMPTS = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(prompt => prompt.innerText)"
IDLE = "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"
#: Asked to run cells before its session stands, JupyterLab asks which kernel is meant.
READY = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === 'connected'"
RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }"


@pytest.fixture
def page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)
    return page


@pytest.mark.usefixtures("engine", "service")
def test_the_quickstart_in_jupyterlab(page: Page, lab: tuple[str, Path]) -> None:
    url, root = lab
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))

    page.goto(f"{url}lab/tree/quickstart.ipynb?token=test&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function(f"() => {READY} && {IDLE}")
    page.evaluate(RUN_ALL)
    page.wait_for_function(f"() => {PROMPTS}.every(text => /\\[\\d+\\]/.test(text)) && {IDLE}", timeout=120_000)

    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    cards = page.locator(".pcb-card")
    said = [card.inner_text() for card in cards.all()]
    assert [("success" in text, "cached" in text) for text in said] == [(True, False), (True, True), (True, False)]
    assert all("local service" in text for text in said)
    assert page.locator("table.dataframe tbody tr").count() >= 2
    assert problems == []

    # What is saved shows the same to those who have no kernel.
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !document.querySelector('.jp-mod-dirty')")
    saved = json.loads((root / "quickstart.ipynb").read_text())
    outputs = [output for cell in saved["cells"] for output in cell.get("outputs", [])]
    html = ["".join(output["data"]["text/html"]) for output in outputs if "text/html" in output.get("data", {})]
    assert sum("pcb-card" in text and "success" in text for text in html) == len(said)
