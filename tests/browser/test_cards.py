"""Live cards in a real JupyterLab: real kernel, local service, real engine."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import LOAD, Open

pytestmark = pytest.mark.usefixtures("engine", "service")

#: The base image of Pipecat Cloud, or its stand-in, is what a step can run in.
BASE = "dailyco/pipecat-base:latest"


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a directory with a Dockerfile of these lines, upon the base image."""

    def make(*lines: str) -> Path:
        directory = tmp_path / "agent"
        directory.mkdir(exist_ok=True)
        # Never built before.
        (directory / "new").write_text(os.urandom(8).hex())
        (directory / "Dockerfile").write_text("\n".join([f"FROM {BASE}", "COPY new /", *lines]) + "\n")
        return directory

    return make


def status(card: Locator) -> Locator:
    return card.locator(".pcb-status")


def opened_log(card: Locator) -> Locator:
    """The log's rows in sight, the log opened if it is not."""
    button = card.get_by_role("button", name=re.compile("^Log"))
    if button.get_attribute("aria-expanded") == "false":
        button.click()
    return card.locator(".pcb-row")


def test_a_build_is_followed_while_another_cell_is_busy(notebook: Open, project: Callable[..., Path]) -> None:
    agent = project("RUN for i in 1 2 3; do echo line $i; sleep 1; done")
    opened = notebook(LOAD, f"build = %pcbuild {agent}", "import time\nwhile not build.final: time.sleep(0.1)")
    opened.start()
    card = opened.card(1)
    expect(status(card)).to_contain_text("building")
    expect(opened_log(card).get_by_text("line 2", exact=True)).to_be_visible()
    assert opened.page.evaluate("() => document.querySelectorAll('.jp-InputPrompt')[2].innerText") == "[*]:"
    expect(status(card)).to_contain_text("success")
    opened.wait_until_run()
    expect(opened_log(card).get_by_text("line 3", exact=True)).to_be_visible()
    expect(card.get_by_role("button", name="step 3/3: RUN for")).to_be_visible()

    # One output, and what is saved of it needs no widget.
    (output,) = opened.saved()[1]
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert "".join(output["data"]["text/plain"]).startswith("✓  success")


def test_a_failing_build_says_why(notebook: Open, project: Callable[..., Path]) -> None:
    agent = project("RUN echo before && pip install no-such-package-of-pipecat==9", "RUN echo never")
    opened = notebook(LOAD, f"build = %pcbuild {agent}")
    opened.run()
    card = opened.card(1)
    expect(status(card)).to_contain_text("failed")
    expect(card.locator(".pcb-failure")).to_contain_text("Failed at step 3/4")
    expect(card.locator(".pcb-failure")).to_contain_text("> 3 RUN echo before")
    expect(card.locator(".pcb-failure")).to_contain_text("no-such-package-of-pipecat")
    rows = opened_log(card)
    card.get_by_role("button", name="Failed step only").click()
    expect(rows.first).to_contain_text("STEP 3/4: RUN echo before")
    expect(card.get_by_text("STEP 2/4")).to_have_count(0)


def test_two_cards_of_one_build_and_a_reload_of_the_page(notebook: Open, project: Callable[..., Path]) -> None:
    agent = project("RUN for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 1; done")
    opened = notebook(LOAD, f"build = %pcbuild {agent}", "build")
    opened.run()
    for number in (1, 2):
        expect(opened_log(opened.card(number)).get_by_text("line 1", exact=True)).to_be_visible()
    opened.saved()
    opened.page.reload()
    opened.wait_for_kernel()
    # The kernel has both; the page asks for the lines that came meanwhile.
    for number in (1, 2):
        card = opened.card(number)
        expect(status(card)).to_contain_text("building")
        expect(opened_log(card).get_by_text("line 1", exact=True)).to_be_visible()
    for number in (1, 2):
        expect(status(opened.card(number))).to_contain_text("success")
        expect(opened_log(opened.card(number)).get_by_text("line 8", exact=True)).to_be_visible()


def test_a_kernel_that_is_gone_and_coming_back(notebook: Open, project: Callable[..., Path]) -> None:
    agent = project("RUN for i in 1 2 3 4 5 6 7 8 9; do echo line $i; sleep 1; done")
    opened = notebook(LOAD, f"build = %pcbuild {agent}", "%pcbuild status ^1")
    opened.run_cell(0)
    opened.run_cell(1)
    expect(opened_log(opened.card(1)).get_by_text("line 1", exact=True)).to_be_visible()
    opened.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    left = opened.cell(1)
    expect(left).to_contain_text("Kernel gone")
    expect(left).to_contain_text("%pcbuild status")
    seconds = left.locator(".pcb-time").inner_text()
    opened.wait_for_kernel()
    opened.run_cell(0)
    opened.run_cell(2)
    back = opened.card(2)
    expect(status(back)).to_contain_text("building")
    expect(opened_log(back).get_by_text("line 1", exact=True)).to_be_visible()
    expect(status(back)).to_contain_text("success")
    # Nothing has counted on where nobody knows.
    assert left.locator(".pcb-time").inner_text() == seconds


def test_a_card_that_is_no_longer_followed(notebook: Open, project: Callable[..., Path]) -> None:
    opened = notebook(LOAD, f"build = %pcbuild {project('RUN sleep 3')}", "%unload_ext pipecat_nb")
    opened.run()
    expect(opened.cell(1)).to_contain_text("No longer followed: this is how the build stood at")
    expect(opened.cell(1)).to_contain_text("%pcbuild status")


def test_a_log_of_ten_thousand_lines(notebook: Open, project: Callable[..., Path]) -> None:
    agent = project(
        "RUN for i in $(seq 1 9900); do echo line $i of a long log with some words in it; done; sleep 2"
    )
    opened = notebook(LOAD, f"build = %pcbuild {agent}")
    opened.run()
    card = opened.card(1)
    page = opened.page
    expect(card.get_by_role("button", name=re.compile(r"Log · 9,9\d\d lines"))).to_be_visible()
    rows = opened_log(card)
    expect(rows.last).to_be_visible()
    page.evaluate("() => { window.longTasks.length = 0 }")
    assert rows.count() < 200
    card.get_by_role("searchbox").fill("line 9")
    # 9, 90 to 99, 900 to 999, 9000 to 9900, and once more in the step's own text, where `$i` is no number.
    count = sum(str(number).startswith("9") for number in range(1, 9901))
    expect(card.locator(".pcb-found")).to_contain_text(f"of {count:,}")
    card.get_by_role("searchbox").press("Enter")
    expect(card.locator("mark").first).to_be_visible()
    area = card.locator(".pcb-scroll").first
    for key in ("Home", "PageDown", "PageDown", "End"):
        area.press(key)
    expect(status(card)).to_contain_text("success")
    longest = page.evaluate("() => Math.max(0, ...window.longTasks)")
    print(f"the longest task of the main thread: {longest:.0f} ms")
    # JupyterLab and the machine take their share: the scripts' own is measured in tests/notebook/widgets.
    assert longest < 200


def test_hostile_text_is_text(notebook: Open, project: Callable[..., Path]) -> None:
    evil = "<script>window.evil=1</script><img src=x onerror=window.evil=2>"
    agent = project(
        f"RUN echo '{evil}'; printf '\\033[31mred\\033[0m \\033]0;title\\007\\033[2Jend\\n'; "
        "printf 'abc\\342\\200\\256gpj.exe\\n'; head -c 1000000 /dev/zero | tr '\\0' x; echo; exit 3"
    )
    opened = notebook(LOAD, f"build = %pcbuild {agent} --note {json.dumps(evil)}")
    opened.run()
    card = opened.card(1)
    expect(status(card)).to_contain_text("failed")
    expect(card.locator(".pcb-note")).to_contain_text(evil)
    rows = opened_log(card)
    card.get_by_role("searchbox").fill("onerror")
    expect(card.locator("mark").first).to_be_visible()
    expect(rows.get_by_text(evil).first).to_be_visible()
    expect(card.get_by_text("abcgpj.exe").first).to_be_visible()
    expect(card.locator(".pcb-row .pcb-f1")).to_have_text("red")
    assert opened.page.evaluate("() => window.evil") is None
    assert opened.cell(1).locator("img, script").count() == 0


def test_the_page_is_as_wide_as_the_window(notebook: Open, project: Callable[..., Path], page: Page) -> None:
    agent = project("RUN echo a-very-long-word-$(printf 'x%.0s' $(seq 300)); exit 1")
    opened = notebook(LOAD, f"build = %pcbuild {agent}")
    opened.run()
    card = opened.card(1)
    expect(status(card)).to_contain_text("failed")
    for width in (400, 860, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            """() => [...document.querySelectorAll('.pcb-live')].every(card => {
                const area = card.closest('.jp-OutputArea-output').getBoundingClientRect();
                const box = card.getBoundingClientRect();
                return box.left >= area.left - 1 && box.right <= area.right + 1;
            })"""
        )
