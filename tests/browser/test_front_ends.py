"""The same cards elsewhere: Notebook 7, a Voilà page, a page made by nbconvert, a notebook that is not trusted."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import nbformat
import pytest
from playwright.sync_api import Page, expect

from ..conftest import wait_until
from .conftest import LOAD, Notebook, barriers

pytestmark = pytest.mark.usefixtures("engine", "service")


def write(path: Path, *cells: str) -> Path:
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(content, path)
    return path


def test_notebook_7(page: Page, lab: tuple[str, Path], agent: Path) -> None:
    url, root = lab
    write(root / "notebook-7.ipynb", LOAD, f"build = %pcbuild {agent}")
    problems: list[str] = []
    # Ours alone, which come from a module without an address: Notebook has errors of its own.
    page.on("pageerror", lambda error: problems.append(f"{error}") if "blob:" in (error.stack or "") else None)
    page.goto(f"{url}notebooks/notebook-7.ipynb?token=test")
    page.locator(".jp-CodeCell .cm-content").first.click()
    expect(page.get_by_text("Python 3 (ipykernel)")).to_be_visible()
    for _ in range(2):
        page.keyboard.press("Shift+Enter")
    card = page.locator(".pcb-live")
    expect(card.locator(".pcb-status")).to_contain_text("success")
    card.get_by_role("button", name=re.compile("^Log")).click()
    expect(card.locator(".pcb-row").first).to_contain_text("Container engine")
    assert problems == []


@pytest.fixture
def voila(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Serves a notebook of some cells by Voilà; the page's URL."""
    servers: list[subprocess.Popen[bytes]] = []

    def serve(*cells: str) -> str:
        notebook = write(tmp_path / "page.ipynb", *cells)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}"]
        with (tmp_path / "voila.log").open("wb") as log:
            servers.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
        url = f"http://127.0.0.1:{port}/"

        def answers() -> bool:
            assert servers[-1].poll() is None, (tmp_path / "voila.log").read_text()[-3000:]
            try:
                with urlopen(f"{url}voila/static/", timeout=1):
                    return True
            except OSError as error:
                return "HTTP Error" in str(error)

        wait_until(answers, "Voilà to start")
        return url

    yield serve
    for server in servers:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_a_card_on_a_page_of_voila(page: Page, voila: Callable[..., str], agent: Path) -> None:
    page.goto(voila(LOAD, f"build = %pcbuild {agent}"))
    card = page.locator(".pcb-live")
    expect(card.locator(".pcb-status")).to_contain_text("success")
    card.get_by_role("button", name=re.compile("^Log")).click()
    expect(card.locator(".pcb-row").first).to_contain_text("Container engine")


def test_a_page_made_by_nbconvert(page: Page, tmp_path: Path, agent: Path) -> None:
    (agent / "Dockerfile").write_text("FROM scratch\nCOPY absent.txt /\n")
    notebook = write(tmp_path / "made.ipynb", LOAD, f"build = %pcbuild {agent}\n", "%pcbuild wait")
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "--allow-errors", str(notebook)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    made = notebook.with_suffix(".html")
    page.goto(made.as_uri())
    for card in page.locator(".pcb-card").all():
        expect(card.locator(".pcb-status")).to_contain_text("failed")
        expect(card.locator(".pcb-error")).to_contain_text("absent.txt")
    assert page.locator(".pcb-card").count() == 2
    assert "application/vnd.jupyter.widget" not in made.read_text()


def test_a_notebook_that_is_not_trusted(
    page: Page, lab: tuple[str, Path], notebook: Callable[..., Notebook], agent: Path
) -> None:
    opened = notebook(LOAD, f"build = %pcbuild {agent} --wait")
    opened.run()
    opened.saved()
    # As it comes from somebody else: nothing of it was run here.
    content = json.loads(opened.path.read_text())
    for cell in content["cells"]:
        cell.get("metadata", {}).pop("trusted", None)
        cell["source"] = [*cell["source"], "\n# theirs"]
    content["cells"][1]["outputs"][0]["data"]["text/html"].append("<script>window.evil = 1</script>")
    (lab[1] / "theirs.ipynb").write_text(json.dumps(content))
    theirs = Notebook(page, lab[0], lab[1] / "theirs.ipynb")
    expect(theirs.cell(1)).to_contain_text("success")
    expect(theirs.cell(1)).to_contain_text("local service")
    assert theirs.cell(1).locator(".pcb-live").count() == 0
    assert page.evaluate("() => window.evil") is None
    assert theirs.problems == []
    opened.command("kernelmenu:shutdown")


def test_the_panel_on_a_page_of_voila(page: Page, voila: Callable[..., str], agent: Path) -> None:
    page.goto(voila(f"import pipecat_nb\npipecat_nb.panel({str(agent)!r})"))
    expect(page.get_by_text("Builds go to local service")).to_be_visible()
    page.locator(".pcb-panel-actions").get_by_role("button", name="Build").click()
    expect(page.locator(".pcb-live .pcb-status")).to_contain_text("success")
    assert barriers(page, ".pcb-panel") == []
