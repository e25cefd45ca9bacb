"""A real JupyterLab and a real browser."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from ..conftest import wait_until

#: What notebooks begin with.
LOAD = "%load_ext pipecat_nb"

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

#: JupyterLab shows only the cells in sight unless told otherwise, and asks about news on its first start.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of a JupyterLab (ends with a token) and its folder, which holds a copy of the notebooks."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, home / "root", ignore=shutil.ignore_patterns("executed", ".ipynb_checkpoints"))
    for plugin, settings in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "--no-browser",
        "--allow-root",
        f"--ServerApp.port={port}",
        "--ServerApp.ip=127.0.0.1",
        "--IdentityProvider.token=test",
        f"--ServerApp.root_dir={home / 'root'}",
        "--LabApp.expose_app_in_browser=True",
    ]
    environment = os.environ | {
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    with (home / "lab.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log
        )
    try:
        # The port may have been taken meanwhile: the server says itself which one it has.
        told = home / "runtime" / f"jpserver-{server.pid}.json"
        wait_until(lambda: told.exists() or server.poll() is not None, "JupyterLab to start", limit=120)
        assert server.poll() is None, (home / "lab.log").read_text()[-3000:]
        yield json.loads(told.read_text())["url"], home / "root"
    finally:
        server.terminate()
        server.wait(60)


PROMPTS = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(prompt => prompt.innerText)"
IDLE = "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"
#: Asked to run cells before its session stands, JupyterLab asks which kernel is meant.
READY = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === 'connected'"

#: What a console says that is not ours: JupyterLab's own, when a kernel that it asks something is restarted.
_NOT_OURS = re.compile(r"Canceled future for|WebSocket|Kernel .* was|404|registered multiple times")


class Notebook:
    """A notebook in JupyterLab, as a person has it before them."""

    def __init__(self, page: Page, url: str, path: Path) -> None:
        self.page = page
        self.path = path
        self.problems: list[str] = []
        page.on("console", lambda message: self._heard(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._heard(str(error)))
        # Where the browser's main thread was held up, and for how long.
        page.add_init_script(
            "window.longTasks = []; new PerformanceObserver(list => window.longTasks.push(...list.getEntries()"
            ".map(entry => entry.duration))).observe({ type: 'longtask', buffered: true });"
        )
        page.goto(f"{url}lab/tree/{quote(path.name)}?token=test&reset")
        self.wait_for_kernel()

    def _heard(self, text: str) -> None:
        if not _NOT_OURS.search(text):
            self.problems.append(text)

    def wait_for_kernel(self) -> None:
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_function(f"() => {READY} && {IDLE}")
        # The whole window is the notebook's.
        self.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

    def command(self, name: str, **arguments: Any) -> None:
        """One of JupyterLab's commands; it goes on by itself."""
        self.page.evaluate(
            "([name, given]) => { window.jupyterapp.commands.execute(name, given) }", [name, arguments]
        )

    def start(self) -> None:
        """Run all cells."""
        self.command("notebook:run-all-cells")

    def wait_until_run(self) -> None:
        self.page.wait_for_function(f"() => {PROMPTS}.every(text => /\\[\\d+\\]/.test(text)) && {IDLE}")

    def run(self) -> None:
        """Run all cells to their ends."""
        self.start()
        self.wait_until_run()

    def run_cell(self, number: int) -> None:
        """Run one cell; the first one is 0."""
        self.page.evaluate(
            """async number => {
                window.jupyterapp.shell.currentWidget.content.activeCellIndex = number;
                await window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            number,
        )

    def cell(self, number: int) -> Locator:
        """The output of a cell; the first one is 0."""
        return self.page.locator(".jp-CodeCell").nth(number).locator(".jp-Cell-outputArea")

    def card(self, number: int) -> Locator:
        """The live card that a cell shows."""
        return self.cell(number).locator(".pcb-live")

    def dark(self) -> None:
        """JupyterLab's dark theme."""
        self.command("apputils:change-theme", theme="JupyterLab Dark")
        self.page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")

    def saved(self) -> list[list[dict[str, Any]]]:
        """The outputs of each cell as they are saved."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        self.page.wait_for_function("() => !document.querySelector('.jp-mod-dirty')")
        return [cell.get("outputs", []) for cell in json.loads(self.path.read_text())["cells"]]


def barriers(page: Page, selector: str) -> list[str]:
    """What axe-core finds in a part of the page: the rule and the element of each violation."""
    found = Axe().run(page, context=selector).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """Builds and kernels take their time."""
    expect.set_options(timeout=60_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


Open = Callable[..., Notebook]


@pytest.fixture
def notebook(
    page: Page, lab: tuple[str, Path], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Notebook]]:
    """Makes a notebook of some cells and opens it; at the end the console may hold no error of ours."""
    url, root = lab
    opened: list[Notebook] = []

    def make(*cells: str) -> Notebook:
        path = root / f"{request.node.name.partition('[')[0]}.ipynb"
        content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        # Without it JupyterLab asks for a kernel.
        content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(content, path)
        opened.append(Notebook(page, url, path))
        return opened[-1]

    yield make
    for each in opened:
        assert each.problems == []
        each.command("kernelmenu:shutdown")
        page.wait_for_function("() => !window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel")
