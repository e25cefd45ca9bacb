"""A page with the widgets' scripts and style sheets as anywidget would load them, and a model without a kernel."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

import pipecat_nb
from pipecat_nb.notebook.widgets import BuildCard

WIDGETS = Path(pipecat_nb.__file__).parent / "notebook" / "widgets"
SCRIPTS = sorted(script.name for script in WIDGETS.glob("*.js"))
URL = "https://notebook.test/"

#: What JupyterLab's two themes say.
THEMES = {
    "light": """--jp-layout-color1: #fff; --jp-layout-color2: #eee; --jp-border-color2: #e0e0e0;
        --jp-content-font-color1: rgba(0, 0, 0, 0.87); --jp-content-font-color2: rgba(0, 0, 0, 0.54);
        --jp-brand-color1: #1976d2;""",
    "dark": """--jp-layout-color1: #212121; --jp-layout-color2: #424242; --jp-border-color2: #616161;
        --jp-content-font-color1: #fff; --jp-content-font-color2: rgba(255, 255, 255, 0.7);
        --jp-brand-color1: #42a5f5;""",
}


def html() -> str:
    themes = "\n".join(
        f'body[data-jp-theme-light="{str(name == "light").lower()}"] {{ {variables} }}'
        for name, variables in THEMES.items()
    )
    style = BuildCard._css
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>cards</title>
<style>{themes} body {{ margin: 0; padding: 12px; background: var(--jp-layout-color1); }} {style}</style></head>
<body data-jp-theme-light="true"><main id="out"></main><script type="module">
import {{ FakeModel }} from "./fake_model.js";
// What a page gets exports no parts: they are tested as the modules that they are in their folder.
import * as log from "./log.js";
import * as words from "./words.js";
const text = await (await fetch("./module.js")).text();
const load = () => import(URL.createObjectURL(new Blob([text], {{ type: "text/javascript" }})));
Object.assign(window, {{ FakeModel, load, cards: await load(), log, words, out: document.getElementById("out") }});
window.static = (display, words, key = "model-1") => {{
  const host = document.createElement("div");
  host.dataset.pcbModel = key;
  host.dataset.pcbDisplay = display;
  host.innerHTML = '<section class="pcb pcb-card" data-mood="live"><p class="told"></p></section>';
  host.querySelector("p").textContent = words;
  return host;
}};
window.ready = true;
</script></body></html>"""


def serve(route: Route) -> None:
    name = route.request.url.removeprefix(URL)
    if name == "":
        route.fulfill(body=html(), content_type="text/html")
    elif name == "module.js":
        route.fulfill(body=BuildCard._esm, content_type="text/javascript")
    elif name == "fake_model.js":
        route.fulfill(path=Path(__file__).parent / name, content_type="text/javascript")
    elif name in SCRIPTS:
        route.fulfill(path=WIDGETS / name, content_type="text/javascript")
    else:
        route.fulfill(status=204)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 900, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=URL)
    context.route("**/*", serve)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """The page; at the end its console must have stayed empty of errors."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"{error}\n{error.stack}"))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(URL)
    page.wait_for_function("window.ready")
    yield page
    assert errors == []
