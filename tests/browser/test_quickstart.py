"""The quickstart as a person runs it: JupyterLab in a browser, Run All, and a look at the cards."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from .conftest import Notebook


@pytest.mark.usefixtures("engine", "service")
def test_the_quickstart_in_jupyterlab(page: Page, lab: tuple[str, Path]) -> None:
    url, root = lab
    notebook = Notebook(page, url, root / "quickstart.ipynb")
    notebook.run()

    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    cards = page.locator(".pcb-live")
    said = [card.inner_text() for card in cards.all()]
    assert [("success" in text, "cached" in text) for text in said] == [(True, False), (True, True), (True, False)]
    assert all("local service" in text for text in said)
    assert page.locator(".pcb-history tbody tr").count() >= 2
    assert notebook.problems == []

    # What is saved shows the same to those who have no kernel.
    outputs = [output for cell in notebook.saved() for output in cell]
    html = ["".join(output["data"]["text/html"]) for output in outputs if "text/html" in output.get("data", {})]
    assert sum("pcb-card" in text and "success" in text for text in html) == len(said)
