"""The live card and its log in a real browser, with a model without a kernel."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from .conftest import SCRIPTS, WIDGETS

ESCAPE = "\x1b"

STEPS: list[dict[str, Any]] = [
    {
        "name": "FROM python:3.11",
        "position": "1/3",
        "stage": "",
        "state": "cached",
        "seconds": None,
        "lines": [[0, 2]],
    },
    {
        "name": "RUN pip install -r requirements.txt",
        "position": "2/3",
        "stage": "",
        "state": "done",
        "seconds": 12.3,
        "lines": [[2, 4], [6, 8]],
    },
    {"name": "COPY . .", "position": "3/3", "stage": "", "state": "running", "seconds": 0.4, "lines": [[4, 6]]},
]

LIVE: dict[str, Any] = {
    "status": "building",
    "mood": "live",
    "sign": "●",
    "title": "agent",
    "cached": False,
    "place": ["local service", "us-west", "Dockerfile"],
    "note": "uv instead of pip",
    "elapsed": 12.3,
    "ticking": True,
    "stages": [
        {"name": "Packed", "state": "done", "seconds": 1.2, "detail": "12 files, 3.0 MB", "share": None},
        {"name": "Building", "state": "active", "seconds": 58.0, "detail": "step 3 of 3: COPY . .", "share": 0.42},
    ],
    "steps": STEPS,
    "facts": [["image", "local/agent:1f3a"], ["id", "1f3a2b4c-5d6e"]],
    "warning": "",
    "why": "",
    "failed_step": "",
    "excerpt": [],
    "log_tail": [],
    "advice": "",
    "next": "",
    "trouble": "",
}

FAILED = LIVE | {
    "status": "failed",
    "mood": "bad",
    "sign": "✕",
    "ticking": False,
    "stages": [{"name": "Build failed", "state": "failed", "seconds": 61.0, "detail": "", "share": None}],
    "steps": [*STEPS[:2], STEPS[2] | {"state": "failed"}],
    "why": "exit code: 1\nERROR: no such file",
    "failed_step": "step 3/3: COPY . .",
    "excerpt": ["  2 RUN true", "> 3 COPY . ."],
    "log_tail": ["#7 ERROR: no such file"],
    "advice": "Look at the .dockerignore.",
    "next": "%pcbuild logs 1f3a2b4c",
    "warning": "requirements.txt is not pinned.",
}

GOOD = LIVE | {
    "status": "success",
    "mood": "good",
    "sign": "✓",
    "cached": True,
    "ticking": False,
    "stages": [{"name": "Built", "state": "done", "seconds": 61.0, "detail": "image 412 MB", "share": None}],
    "steps": [*STEPS[:2], STEPS[2] | {"state": "done"}],
}


def show(page: Page, state: dict[str, Any], lines: list[str] | None = None, **log: Any) -> None:
    """A static card in the page, and a model whose live card takes its place."""
    page.evaluate(
        """([state, lines, log]) => {
            window.model = new FakeModel({ state });
            if (lines) model.log(lines, log);
            out.append(static("display-1", "as it was saved"));
            cards.default.initialize({ model });
        }""",
        [state, lines, log],
    )
    expect(page.locator(".pcb-live")).to_have_count(1)
    drawn(page)


def drawn(page: Page) -> None:
    """Wait for two frames: all that was to be drawn has been."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def texts(page: Page, selector: str) -> list[str]:
    return page.locator(selector).all_text_contents()


def open_log(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Log ·")).click()


def numbers(page: Page) -> list[int]:
    """The line numbers of the rows in the page."""
    return [int(text.replace(",", "")) for text in texts(page, ".pcb-no")]


def box(found: Locator) -> FloatRect:
    """Where an element is."""
    place = found.bounding_box()
    assert place
    return place


def scroll_to(page: Page, top: int) -> None:
    page.locator(".pcb-scroll").evaluate("(scroll, top) => { scroll.scrollTop = top; }", top)
    drawn(page)


def place(page: Page) -> dict[str, float]:
    """Where the log is scrolled to, and how far it is from its end."""
    found: dict[str, float] = page.locator(".pcb-scroll").evaluate(
        """(scroll) => ({ top: scroll.scrollTop, left: scroll.scrollLeft,
                          rest: scroll.scrollHeight - scroll.clientHeight - scroll.scrollTop })"""
    )
    return found


def many(count: int, first: int = 0) -> list[str]:
    return [f"line {number} of the log" for number in range(first, first + count)]


# ---- Pure parts ----


def test_each_script_is_small() -> None:
    for name in SCRIPTS:
        assert (WIDGETS / name).stat().st_size < 30_000


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("plain", [("plain", "")]),
        ("", []),
        ("a[31mb[0mc", [("a", ""), ("b", "pcb-f1"), ("c", "")]),
        ("[1;92mb[22mc", [("b", "pcb-f10 pcb-bold"), ("c", "pcb-f10")]),
        ("[2md[3;4mu", [("d", "pcb-dim"), ("u", "pcb-dim pcb-italic pcb-underline")]),
        ("[7mi[31mj[27mk", [("i", "pcb-bt"), ("j", "pcb-b1"), ("k", "pcb-f1")]),
        ("[37;44mx[49my", [("x", "pcb-b4"), ("y", "pcb-f7")]),
        ("[38;5;9ma[38;5;196mb[38;5;244mc", [("ab", "pcb-f9"), ("c", "pcb-f8")]),
        ("[38;2;10;20;200ma[38:2::10:200:20mb", [("a", "pcb-f4"), ("b", "pcb-f2")]),
        ("[mx[4:0my[999mz", [("xyz", "")]),
        ("[2Jgone[Hup", [("goneup", "")]),
        ("[38;5ma", [("a", "")]),
    ],
)
def test_colours_become_classes(page: Page, text: str, runs: list[tuple[str, str]]) -> None:
    text = re.sub(r"\[(?=[0-9;:]*[mJH])", f"{ESCAPE}[", text)
    found = page.evaluate("text => log.parseSgr(text)", text)
    assert [(run["text"], run["classes"]) for run in found] == runs
    assert "".join(run["text"] for run in found) == page.evaluate("text => log.plain(text)", text)


def test_a_row_is_cut_and_its_colours_are_few(page: Page) -> None:
    assert page.evaluate("() => log.plain('x'.repeat(1_000_000))") == f"{'x' * 10_000}… (990,000 characters more)"
    kernel = f"{'x' * 10_000}… (990,000 characters more)"
    assert page.evaluate("text => log.plain(text)", kernel) == kernel
    found = page.evaluate("() => log.parseSgr('\\x1b[31ma\\x1b[32mb'.repeat(100_000))")
    assert len(found) <= 201
    assert "".join(run["text"] for run in found) == f"{'ab' * 5_000}… (190,000 characters more)"


def test_what_is_not_to_be_seen_is_removed(page: Page) -> None:
    text = f"a\u202eb\u2066c\x00d\x07e\tf{ESCAPE}]0;title\x07g\u200fh"
    assert page.evaluate("text => log.plain(text)", text) == "abcde\tfgh"


def test_matches_keep_their_places(page: Page) -> None:
    def find(text: str, term: str) -> list[int]:
        found: list[int] = page.evaluate("([text, term]) => log.findMatches(text, term)", [text, term])
        return found

    assert find("Error: an ERROR, errors", "error") == [0, 10, 17]
    assert find("aaaa", "aa") == [0, 2]
    assert find("İx error", "ERROR") == [3]
    assert find("a.b", ".") == [1]
    assert find("anything", "") == []


def test_the_store_knows_lines_gaps_and_generations(page: Page) -> None:
    found = page.evaluate(
        """() => {
            const store = new log.LogStore();
            const seen = [];
            const look = () => seen.push([store.total, store.gaps(), store.known]);
            const window = (generation, total, first, lines) => store.window({ generation, total, first, lines });
            const others = [window(1, 10, 6, ["g", "h", "i", "j"]).other];
            look();
            store.put(1, 2, ["c", "d"]);
            store.put(2, 0, ["wrong"]);
            look();
            store.put(1, 0, ["a", "b", "c", "d", "e", "f"]);
            look();
            others.push(window(1, 10, 8, ["i", "j"]).range, window(1, 12, 9, ["j", "k"]).range);
            look();
            const lines = [0, 5, 6, 11, 99].map((line) => store.line(line) ?? null);
            others.push(window(2, 3, 2, ["z"]).other);
            look();
            return { seen, others, lines, first: store.line(0) ?? null };
        }"""
    )
    assert found["seen"] == [
        [10, [[0, 6]], [[6, 10]]],
        [10, [[0, 2], [4, 6]], [[2, 4], [6, 10]]],
        [10, [], [[0, 10]]],
        [12, [[11, 12]], [[0, 11]]],
        [3, [[0, 2]], [[2, 3]]],
    ]
    assert found["others"] == [True, None, [10, 11], True]
    assert found["lines"] == ["a", "f", "g", None, None]
    assert found["first"] is None


def test_a_gap_is_asked_for_once_and_again_after_a_while(page: Page) -> None:
    found = page.evaluate(
        """() => {
            const wants = new log.Wants();
            const asked = [wants.due([[0, 100]], 0), wants.due([[0, 100]], 5000)];
            wants.came(0, 50, 9000);
            asked.push(wants.due([[50, 100]], 11_000));
            asked.push(wants.due([[50, 100], [200, 210]], 12_000));
            asked.push(wants.due([[50, 100], [200, 210]], 19_500));
            asked.push(wants.due([], 20_000));
            return [asked, wants.waiting];
        }"""
    )
    assert found == [[[[0, 100]], [], [], [[200, 210]], [[50, 100]], []], False]


def test_the_search_counts_every_occurrence(page: Page) -> None:
    found = page.evaluate(
        """() => {
            const store = new log.LogStore();
            const lines = Array.from({ length: 3000 }, (_, line) => (line % 3 ? "-" : "Ab ab"));
            store.window({ generation: 1, total: 3000, first: 1000, lines: lines.slice(1000) });
            const search = new log.Search(store);
            search.begin("AB");
            while (search.busy) search.step();
            const whole = [[0, 3000]];
            const before = search.total(whole);
            search.add(store.put(1, 0, lines.slice(0, 1000)));
            search.add([0, 10]);
            while (search.busy) search.step();
            const some = [[3, 4], [700, 1800], [2998, 3000]];
            const plainly = [];
            for (const [first, last] of some)
                for (let line = first; line < last; line += 1)
                    for (let nth = 0; nth < search.count(line); nth += 1) plainly.push([line, nth]);
            const walked = plainly.map((_, index) => search.at(index, some)).map(({ line, nth }) => [line, nth]);
            return {
                before,
                total: search.total(whole),
                some: search.total(some),
                same: JSON.stringify(walked) === JSON.stringify(plainly),
                count: plainly.length,
                past: search.at(plainly.length, some),
                placed: search.before(1200, some),
                fewer: plainly.filter(([line]) => line < 1200).length,
            };
        }"""
    )
    assert found["total"] == 2000
    assert found["before"] == 1332
    assert found["some"] == found["count"] > 700
    assert found["same"] is True
    assert found["past"] is None
    assert found["placed"] == found["fewer"]


# ---- The card ----


def test_a_live_card(page: Page) -> None:
    show(page, LIVE, many(8))
    card = page.get_by_role("group", name="Build of agent: building")
    expect(card).to_have_attribute("data-mood", "live")
    assert page.locator(".pcb-status").inner_text() == "● building"
    assert page.locator(".pcb-place").inner_text() == "local service · us-west · Dockerfile · uv instead of pip"
    assert texts(page, ".pcb-stage") == ["Packed", "Building"]
    assert (
        page.locator("li[data-state=active]").evaluate("one => one.style.getPropertyValue('--pcb-share')")
        == "42.0%"
    )
    assert texts(page, ".pcb-fact code") == ["local/agent:1f3a", "1f3a2b4c-5d6e"]
    expect(page.locator(".pcb-chip")).to_have_count(0)
    expect(page.locator(".pcb-failure")).to_be_hidden()
    expect(page.get_by_role("button", name="Log · 8 lines")).to_have_attribute("aria-expanded", "true")


def test_the_steps_say_what_they_are(page: Page) -> None:
    show(page, FAILED, many(8))
    steps = page.get_by_role("toolbar").get_by_role("button")
    assert [one.get_attribute("aria-label") for one in steps.all()] == [
        "step 1/3: FROM python:3.11, cached",
        "step 2/3: RUN pip install -r requirements.txt, 12 s",
        "step 3/3: COPY . ., 0.4 s, failed",
    ]
    sizes = [box(one) for one in steps.all()]
    assert all(size["width"] >= 24 and size["height"] >= 24 for size in sizes)
    assert sizes[1]["width"] > 3 * sizes[2]["width"]
    # A failed step is told by more than its colour.
    assert "✕" in steps.nth(2).inner_text()
    assert "gradient" in steps.nth(2).evaluate("one => getComputedStyle(one).backgroundImage")


def test_only_what_really_runs_moves(page: Page) -> None:
    show(page, LIVE, many(8))
    running = page.locator(".pcb-step[data-state=running]")
    name = "one => getComputedStyle(one).animationName"
    assert running.evaluate(name) == "pcb-runs"
    page.emulate_media(reduced_motion="reduce")
    assert running.evaluate(name) == "none"
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate("model.state({ ticking: false })")
    assert running.evaluate(name) == "none"


def test_a_failed_card(page: Page) -> None:
    show(page, FAILED, many(8), done=True)
    failure = page.locator(".pcb-failure")
    for text in (
        "ERROR: no such file",
        "Failed at step 3/3: COPY . .",
        "> 3 COPY . .",
        "Look at the .dockerignore.",
    ):
        expect(failure).to_contain_text(text)
    expect(page.locator(".pcb-trouble").first).to_have_text("requirements.txt is not pinned.")
    # What says why stands last; the log is there for who wants more.
    assert page.locator(".pcb-live > :last-child").get_attribute("class") == "pcb-said"
    assert page.locator(".pcb-viewer + .pcb-failure").count() == 1
    expect(page.locator(".pcb-scroll")).to_be_hidden()
    page.get_by_role("button", name="Copy the command").click()
    expect(page.get_by_role("status")).to_have_text("Copied the command")
    assert page.evaluate("navigator.clipboard.readText()") == "%pcbuild logs 1f3a2b4c"
    expect(page.locator(".pcb-follow")).to_be_hidden()


def test_a_good_card(page: Page) -> None:
    show(page, GOOD, many(8), done=True)
    expect(page.locator(".pcb-chip")).to_have_text("cached")
    expect(page.locator(".pcb-scroll")).to_be_hidden()
    page.get_by_role("button", name="Copy the image").click()
    expect(page.get_by_role("button", name="Copy the image")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "local/agent:1f3a"


def test_a_card_of_nothing_much(page: Page) -> None:
    show(page, {})
    expect(page.locator(".pcb-live")).to_have_attribute("data-mood", "unknown")
    expect(page.locator(".pcb-viewer")).to_be_hidden()


def test_trouble_comes_and_goes(page: Page) -> None:
    show(page, LIVE | {"trouble": "no answer"})
    expect(page.get_by_text("Trying again: no answer")).to_be_visible()
    page.evaluate("model.state({ trouble: '' })")
    expect(page.get_by_text("Trying again")).to_have_count(0)


def test_a_change_of_status_is_spoken(page: Page) -> None:
    show(page, LIVE)
    expect(page.get_by_role("status")).to_have_text("")
    page.evaluate("state => model.state(state)", GOOD)
    expect(page.get_by_role("status")).to_have_text("Build of agent: success")


def test_the_log_closes_after_success_but_not_under_the_hands(page: Page) -> None:
    show(page, LIVE, many(8))
    page.evaluate("state => model.state(state)", GOOD)
    expect(page.locator(".pcb-scroll")).to_be_hidden()
    page.evaluate("state => model.state(state)", LIVE)
    expect(page.locator(".pcb-scroll")).to_be_visible()
    page.locator(".pcb-scroll").click()
    page.evaluate("state => model.state(state)", GOOD)
    expect(page.locator(".pcb-scroll")).to_be_visible()


# ---- Time ----


@pytest.fixture
def timers(page: Page) -> Page:
    """A page whose clock the test moves, and which counts the timers that go on."""
    page.clock.install()
    page.evaluate(
        """() => {
            window.timers = new Set();
            const [set, clear] = [window.setInterval, window.clearInterval];
            window.setInterval = (...all) => { const id = set(...all); timers.add(id); return id; };
            window.clearInterval = (id) => { timers.delete(id); clear(id); };
        }"""
    )
    return page


def start(page: Page, state: dict[str, Any]) -> None:
    """As `show`, where no frame comes by itself."""
    page.evaluate(
        """(state) => {
            window.model = new FakeModel({ state });
            out.append(static("display-1", "as it was saved"));
            cards.default.initialize({ model });
        }""",
        state,
    )
    expect(page.locator(".pcb-live")).to_have_count(1)


def test_time_counts_on_until_the_end(timers: Page) -> None:
    start(timers, LIVE)
    expect(timers.locator(".pcb-time")).to_have_text("12 s")
    timers.clock.run_for(5_000)
    expect(timers.locator(".pcb-time")).to_have_text("17 s")
    expect(timers.locator("li[data-state=active] .pcb-took")).to_have_text("1 min 03 s")
    expect(timers.locator("li[data-state=done] .pcb-took")).to_have_text("1.2 s")
    assert timers.evaluate("timers.size") == 1
    timers.evaluate("state => model.state(state)", GOOD | {"elapsed": 18.0})
    assert timers.evaluate("timers.size") == 0
    timers.clock.run_for(5_000)
    expect(timers.locator(".pcb-time")).to_have_text("18 s")


def test_nothing_ticks_without_the_kernel(timers: Page) -> None:
    timers.evaluate(
        """state => {
            window.model = new FakeModel({ state });
            window.el = document.createElement("div");
            out.append(el);
            cards.default.initialize({ model });
            cards.default.render({ model, el });
        }""",
        LIVE,
    )
    timers.evaluate("new Promise((done) => queueMicrotask(done))")
    timers.clock.run_for(2_000)
    assert timers.evaluate("timers.size") == 1
    timers.evaluate("model.real.comm_live = false")
    assert timers.evaluate("timers.size") == 0
    expect(timers.locator(".pcb-gone")).to_contain_text("Kernel gone: this is how the build stood at ")
    expect(timers.locator(".pcb-gone code")).to_have_text("%pcbuild status 1f3a2b4c")
    stood = timers.locator(".pcb-time").inner_text()
    timers.clock.run_for(60_000)
    expect(timers.locator(".pcb-time")).to_have_text(stood)
    expect(timers.locator(".pcb-live")).to_have_attribute("data-live", "false")
    # It came back: its state is as old as it is, until the kernel sends another.
    timers.evaluate("model.real.comm_live = true")
    expect(timers.locator(".pcb-gone")).to_be_hidden()
    assert timers.evaluate("timers.size") == 1


def test_a_kernel_that_was_shut_down_is_noticed(timers: Page) -> None:
    # JupyterLab then gives up the model's channel without a word to the model.
    start(timers, LIVE)
    timers.evaluate("model.real.comm = { jsServicesComm: { isDisposed: true } }")
    timers.clock.run_for(2_000)
    expect(timers.locator(".pcb-gone")).to_contain_text("Kernel gone")
    assert timers.evaluate("timers.size") == 0


# ---- The log ----


def test_only_rows_in_sight_are_in_the_page(page: Page) -> None:
    show(page, LIVE, many(10_000))
    assert numbers(page)[-1] == 10_000
    assert len(numbers(page)) < 60
    scroll_to(page, 18 * 5_000)
    assert 5_001 in numbers(page)
    assert len(numbers(page)) < 60
    row = page.locator(".pcb-row", has=page.locator(".pcb-no", has_text=re.compile("^5,001$")))
    assert row.locator(".pcb-text").inner_text() == "line 5000 of the log"
    assert abs(box(row)["y"] - box(page.locator(".pcb-scroll"))["y"]) <= 1
    assert box(row)["height"] == 18


def test_it_follows_the_end_until_somebody_scrolls_up(page: Page) -> None:
    show(page, LIVE, many(1_000))
    follow = page.get_by_role("button", name="Follow")
    expect(follow).to_have_attribute("aria-pressed", "true")
    page.evaluate("lines => model.log(lines, { first: 1000 })", many(100, 1_000))
    drawn(page)
    assert numbers(page)[-1] == 1_100
    assert place(page)["rest"] < 2
    page.locator(".pcb-scroll").hover()
    page.mouse.wheel(0, -300)
    expect(follow).to_have_attribute("aria-pressed", "false")
    top = page.wait_for_function(
        """() => {
            const { scrollTop } = document.querySelector(".pcb-scroll");
            const same = window.lastTop === scrollTop;
            window.lastTop = scrollTop;
            return same && scrollTop;
        }""",
        polling=100,
    ).json_value()
    page.evaluate("lines => model.log(lines, { first: 1100 })", many(120, 1_100))
    more = page.get_by_role("button", name="↓ 120 new lines")
    expect(more).to_be_visible()
    assert place(page)["top"] == top
    more.click()
    drawn(page)
    assert place(page)["rest"] < 2
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".pcb-more")).to_be_hidden()


def test_follow_is_a_button_too(page: Page) -> None:
    show(page, LIVE, many(1_000))
    follow = page.get_by_role("button", name="Follow")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "false")
    page.evaluate("lines => model.log(lines, { first: 1000 })", many(1, 1_000))
    expect(page.get_by_role("button", name="↓ 1 new line", exact=True)).to_be_visible()
    follow.click()
    drawn(page)
    assert numbers(page)[-1] == 1_001
    scroll_to(page, 0)
    expect(follow).to_have_attribute("aria-pressed", "false")
    scroll_to(page, 10_000_000)
    expect(follow).to_have_attribute("aria-pressed", "true")


def test_search_counts_all_and_goes_round(page: Page) -> None:
    lines = [f"line {number} {'Needle needle' if number % 100 == 7 else ''}" for number in range(1_000)]
    lines[507] = f"{ESCAPE}[31mnee{ESCAPE}[0mdle in two colours"
    show(page, LIVE, lines)
    search, found = page.get_by_label("Search the log"), page.locator(".pcb-found")
    search.fill("needle")
    # From where the reader is (the end), round to the first.
    expect(found).to_have_text("1 of 19")
    assert 8 in numbers(page)
    search.press("Enter")
    expect(found).to_have_text("2 of 19")
    search.press("Shift+Enter")
    search.press("Shift+Enter")
    expect(found).to_have_text("19 of 19")
    page.get_by_role("button", name="Next match").click()
    page.get_by_role("button", name="Previous match").click()
    expect(found).to_have_text("19 of 19")
    expect(page.get_by_role("status")).to_have_text("Match 19 of 19")
    for _ in range(8):
        page.get_by_role("button", name="Previous match").click()
    expect(found).to_have_text("11 of 19")
    assert texts(page, "mark.pcb-current") == ["nee", "dle"]
    page.evaluate("model.log(['a needle more'], { first: 1000 })")
    expect(found).to_have_text("11 of 20")
    search.press("Escape")
    expect(search).to_have_value("")
    expect(page.locator("mark")).to_have_count(0)
    search.fill("nothing like it")
    expect(found).to_have_text("no match")
    expect(page.get_by_role("button", name="Next match")).to_be_disabled()


def test_the_current_match_is_brought_into_sight_sideways(page: Page) -> None:
    show(page, LIVE, ["short", "x" * 5_000 + "needle" + "y" * 3_000])
    page.get_by_label("Search the log").fill("needle")
    expect(page.locator("mark.pcb-current")).to_have_count(1)
    mark, pane = box(page.locator("mark.pcb-current")), box(page.locator(".pcb-scroll"))
    assert pane["x"] < mark["x"] < pane["x"] + pane["width"] - mark["width"]
    # Only what is near is in the page; the numbers stay in sight.
    assert len(texts(page, ".pcb-text")[1]) < 2_000
    assert abs(box(page.locator(".pcb-no").first)["x"] - pane["x"]) <= 1
    assert box(page.locator(".pcb-row").first)["height"] == 18


def test_gaps_are_asked_for_once_and_filled(page: Page) -> None:
    show(page, LIVE, many(50, 1_184), first=1_184, total=1_234)
    assert page.evaluate("model.wants") == [[1, 0, 1_184]]
    page.evaluate("lines => model.log(lines, { first: 1200, total: 1240 })", many(40, 1_200))
    drawn(page)
    assert page.evaluate("model.wants") == [[1, 0, 1_184]]
    page.locator(".pcb-scroll").focus()
    scroll_to(page, 40)
    before = numbers(page)
    assert before[0] == 1_185
    scroll_to(page, 0)
    expect(page.locator(".pcb-gap")).to_have_text("loading lines 1–1,184…")
    scroll_to(page, 36)
    top = page.locator(".pcb-row", has_text="line 1190 of").bounding_box()
    page.evaluate("lines => model.answer(0, lines)", many(1_000))
    drawn(page)
    # The lines in sight stay where they are, whatever comes above them.
    assert page.locator(".pcb-row", has_text="line 1190 of").bounding_box() == top
    page.evaluate("lines => model.answer(1000, lines)", many(184, 1_000))
    drawn(page)
    assert page.locator(".pcb-row", has_text="line 1190 of").bounding_box() == top
    expect(page.locator(".pcb-gap")).to_have_count(0)
    assert page.evaluate("model.wants") == [[1, 0, 1_184]]
    expect(page.locator(".pcb-more")).to_be_hidden()
    scroll_to(page, 0)
    assert numbers(page)[:3] == [1, 2, 3]


def test_nothing_is_asked_for_while_nobody_looks(page: Page) -> None:
    show(page, GOOD, many(50, 100), first=100, total=150)
    assert page.evaluate("model.sent") == [{"kind": "mounted"}]
    page.get_by_role("button", name="Log · 150 lines").click()
    assert page.evaluate("model.wants") == [[1, 0, 100]]


def test_an_unanswered_gap_is_asked_for_again(timers: Page) -> None:
    start(timers, LIVE)
    timers.evaluate("lines => model.log(lines, { first: 100 })", many(50, 100))
    assert timers.evaluate("model.wants") == [[1, 0, 100]]
    timers.clock.run_for(9_000)
    assert timers.evaluate("model.wants") == [[1, 0, 100]]
    timers.clock.run_for(4_000)
    assert timers.evaluate("model.wants") == [[1, 0, 100]] * 2
    timers.evaluate("lines => model.answer(0, lines)", many(100))
    timers.clock.run_for(60_000)
    assert timers.evaluate("model.wants") == [[1, 0, 100]] * 2


def test_another_generation_is_another_log(page: Page) -> None:
    show(page, LIVE, many(1_000))
    page.get_by_label("Search the log").fill("other")
    page.get_by_role("toolbar").get_by_role("button").first.click()
    page.evaluate("model.log(['other line', 'second'], { generation: 2 })")
    page.evaluate("model.answer(0, ['late'], 1)")
    drawn(page)
    assert texts(page, ".pcb-text") == ["other line", "second"]
    expect(page.get_by_role("button", name="Log · 2 lines")).to_be_visible()
    expect(page.locator(".pcb-found")).to_have_text("1")
    expect(page.locator(".pcb-filtered")).to_be_hidden()
    expect(page.locator(".pcb-step[aria-pressed=true]")).to_have_count(0)


def test_a_step_pressed_shows_its_lines_only(page: Page) -> None:
    show(page, LIVE, many(8))
    second = page.get_by_role("toolbar").get_by_role("button").nth(1)
    second.click()
    assert numbers(page) == [3, 4, 7, 8]
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".pcb-filtered")).to_contain_text("Only step 2/3: RUN pip install")
    # Its further lines come too.
    page.evaluate("lines => model.log(lines, { first: 8 })", many(1, 8))
    steps = [STEPS[0], STEPS[1] | {"lines": [[2, 4], [6, 9]]}, STEPS[2]]
    page.evaluate("steps => model.state({ steps })", steps)
    drawn(page)
    assert numbers(page) == [3, 4, 7, 8, 9]
    second.click()
    assert len(numbers(page)) == 9
    second.click()
    page.keyboard.press("Escape")
    assert len(numbers(page)) == 9
    expect(second).to_have_attribute("aria-pressed", "false")


def test_failed_step_only(page: Page) -> None:
    show(page, LIVE, many(8))
    only = page.get_by_role("button", name="Failed step only")
    expect(only).to_be_hidden()
    page.evaluate("state => model.state(state)", FAILED)
    only.click()
    assert numbers(page) == [5, 6]
    expect(only).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("toolbar").get_by_role("button").nth(2)).to_have_attribute("aria-pressed", "true")
    # The search is in what is shown.
    page.get_by_label("Search the log").fill("line")
    expect(page.locator(".pcb-found")).to_have_text("1 of 2")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".pcb-found")).to_have_text("8")
    expect(only).to_have_attribute("aria-pressed", "false")
    assert len(numbers(page)) == 8


def test_a_step_without_lines_says_so(page: Page) -> None:
    show(page, GOOD | {"steps": [STEPS[0] | {"lines": []}]}, many(8))
    page.get_by_role("toolbar").get_by_role("button").click()
    expect(page.locator(".pcb-gap")).to_have_text("This step wrote no lines.")


def test_copy_takes_all_lines_of_the_filter(page: Page) -> None:
    lines = [f"{ESCAPE}[32mline{ESCAPE}[0m {number}" for number in range(2_000)]
    show(page, LIVE, lines)
    page.get_by_role("button", name="Copy the log").click()
    expect(page.get_by_role("status")).to_have_text("Copied 2,000 lines")
    assert page.evaluate("navigator.clipboard.readText()") == "".join(f"line {n}\n" for n in range(2_000))
    page.get_by_role("toolbar").get_by_role("button").nth(1).click()
    page.get_by_role("button", name="Copy the log").click()
    expect(page.get_by_role("status")).to_have_text("Copied 4 lines")
    assert page.evaluate("navigator.clipboard.readText()") == "line 2\nline 3\nline 6\nline 7\n"


def test_copy_works_without_a_clipboard_and_names_what_is_missing(page: Page) -> None:
    show(page, LIVE, many(2, 2), first=2, total=4)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    button = page.get_by_role("button", name="Copy the log")
    button.click()
    expect(page.get_by_role("status")).to_have_text("Copied 2 lines; 2 lines not loaded yet")
    expect(button).to_be_focused()
    page.evaluate("delete navigator.clipboard")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "[lines 1–2 not loaded]\nline 2 of the log\nline 3 of the log\n"


def test_the_notice_stands_at_the_head(page: Page) -> None:
    show(page, LIVE, many(2), notice="The service keeps 10,000 lines: what came before is lost.")
    assert box(page.locator(".pcb-notice"))["y"] < box(page.locator(".pcb-scroll"))["y"]


def test_keys_move_the_log(page: Page) -> None:
    show(page, LIVE, [f"line {number} {'x' * 500}" for number in range(1_000)])
    scroll = page.get_by_role("group", name="Log", exact=True)
    scroll.focus()

    def press(key: str, reached: str) -> None:
        page.keyboard.press(key)
        page.wait_for_function(f"() => {{ const s = document.querySelector('.pcb-scroll'); return {reached}; }}")

    press("Home", "s.scrollTop === 0")
    press("PageDown", "s.scrollTop > 250")
    press("ArrowDown", "s.scrollTop > 350")
    press("PageUp", "s.scrollTop < 200")
    press("ArrowRight", "s.scrollLeft > 0")
    press("End", "s.scrollHeight - s.clientHeight - s.scrollTop < 2")
    drawn(page)
    assert numbers(page)[-1] == 1_000
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")


def test_the_steps_are_one_stop_of_the_tab_key(page: Page) -> None:
    show(page, LIVE, many(8))
    steps = page.get_by_role("toolbar").get_by_role("button")
    steps.first.focus()
    page.keyboard.press("ArrowRight")
    expect(steps.nth(1)).to_be_focused()
    expect(page.locator(".pcb-about")).to_contain_text("step 2/3: RUN pip install -r requirements.txt · 12 s")
    page.keyboard.press("End")
    expect(steps.nth(2)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy the image")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(steps.nth(2)).to_be_focused()
    # Where JupyterLab looks whether its own keys are meant.
    expect(steps.nth(2)).to_have_attribute("data-lm-suppress-shortcuts", "true")
    page.keyboard.press("Enter")
    assert numbers(page) == [5, 6]
    outline = steps.nth(2).evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"


HOSTILE = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    f"{ESCAPE}[31m<b>bold</b>{ESCAPE}[0m &amp; &lt;",
    f"{ESCAPE}]8;;javascript:alert(1){ESCAPE}\\link{ESCAPE}]8;;{ESCAPE}\\",
    "\u202eright to left\u202c",
    "y" * 1_000_000,
]


def test_hostile_text_stays_text(page: Page) -> None:
    evil = HOSTILE[1]
    state = FAILED | {
        "status": evil,
        "title": evil,
        "place": [evil],
        "note": evil,
        "stages": [{"name": evil, "state": "failed", "seconds": 1, "detail": evil, "share": None}],
        "steps": [
            {"name": evil, "position": "1/1", "stage": evil, "state": "failed", "seconds": 1, "lines": [[0, 6]]}
        ],
        "facts": [["image", evil]],
        **dict.fromkeys(["warning", "why", "failed_step", "advice", "next", "trouble"], evil),
        "excerpt": HOSTILE,
        "log_tail": HOSTILE,
    }
    show(page, state, HOSTILE, notice=evil)
    open_log(page)
    page.get_by_label("Search the log").fill("<")
    expect(page.locator("mark.pcb-current")).to_have_count(1)
    shown = texts(page, ".pcb-text")
    assert shown[:2] == HOSTILE[:2]
    assert shown[2] == "<b>bold</b> &amp; &lt;"
    assert shown[3] == "link"
    assert shown[4] == "right to left"
    assert len(shown[5]) < 10_100
    assert page.locator("#out :is(img, script, a, b)").count() == 0
    assert page.evaluate("window.hacked") is None
    assert page.locator(".pcb-failure .pcb-error").inner_text() == evil
    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]


# ---- Places in the page ----


def test_what_was_seen_last_stays_when_the_kernel_goes(page: Page) -> None:
    show(page, LIVE, many(100))
    expect(page.locator(".told")).to_have_count(0)
    page.evaluate("model.real.comm_live = false")
    expect(page.locator(".told")).to_have_count(0)
    expect(page.locator(".pcb-live")).to_have_count(1)
    assert numbers(page)[-1] == 100
    words = (
        r"^Kernel gone: this is how the build stood at \d\d:\d\d:\d\d\. %pcbuild status 1f3a2b4c shows it again\.$"
    )
    expect(page.locator(".pcb-gone")).to_have_text(re.compile(words))
    page.evaluate("model.real.comm_live = true")
    expect(page.locator(".pcb-gone")).to_be_hidden()
    assert page.locator("[data-pcb-model]").evaluate("host => host.childNodes.length") == 1


def test_of_a_build_that_has_ended_the_card_stays(page: Page) -> None:
    show(page, FAILED, many(50, 100), first=100, total=150)
    open_log(page)
    page.evaluate("model.real.comm_live = false")
    drawn(page)
    expect(page.locator(".pcb-live")).to_have_count(1)
    expect(page.locator(".pcb-gone")).to_be_hidden()
    scroll_to(page, 0)
    expect(page.locator(".pcb-gap")).to_have_text("lines 1–100 not loaded")
    asked = page.evaluate("model.wants.length")
    page.get_by_role("button", name="Log · 150 lines").click()
    page.get_by_role("button", name="Log · 150 lines").click()
    assert page.evaluate("model.wants.length") == asked == 1


@pytest.mark.parametrize("way", ["signal", "cleanup"])
def test_a_destroyed_model_is_a_kernel_gone(page: Page, way: str) -> None:
    page.evaluate(
        """([state, way]) => {
            window.model = new FakeModel({ state });
            const controller = new AbortController();
            out.append(static("display-1", "as it was saved"));
            const { signal } = way === "signal" ? controller : {};
            const cleanup = cards.default.initialize({ model, signal });
            window.end = signal ? () => controller.abort() : cleanup;
        }""",
        [LIVE, way],
    )
    expect(page.locator(".pcb-live")).to_have_count(1)
    page.evaluate("end()")
    expect(page.locator(".pcb-gone")).to_be_visible()
    assert page.evaluate("[...model.listeners.values()].flat().length") == 0


def test_a_saved_model_without_a_kernel_leaves_the_page_alone(page: Page) -> None:
    page.evaluate(
        """state => {
            window.model = new FakeModel({ state }, { live: false });
            out.append(static("display-1", "as it was saved"));
            cards.default.initialize({ model });
        }""",
        LIVE,
    )
    drawn(page)
    expect(page.locator(".told")).to_be_visible()
    expect(page.locator(".pcb-gone")).to_have_count(0)
    assert page.evaluate("model.sent") == []


def test_the_same_view_moves_when_its_element_is_replaced(page: Page) -> None:
    show(page, LIVE, many(1_000))
    page.get_by_label("Search the log").fill("line 5")
    expect(page.locator(".pcb-found")).to_have_text("1 of 111")
    scroll_to(page, 3_600)
    page.evaluate("document.querySelector('.pcb-search').setSelectionRange(2, 4)")
    found = page.evaluate(
        """async () => {
            const view = document.querySelector(".pcb-live");
            document.querySelector("[data-pcb-model]").replaceWith(static("display-1", "newer"));
            await Promise.resolve();
            const input = document.querySelector(".pcb-search");
            return {
                same: document.querySelector(".pcb-live") === view,
                static: document.querySelectorAll(".told").length,
                top: document.querySelector(".pcb-scroll").scrollTop,
                focus: document.activeElement === input,
                selection: [input.selectionStart, input.selectionEnd],
            };
        }"""
    )
    # All before the next paint.
    assert found == {"same": True, "static": 0, "top": 3_600, "focus": True, "selection": [2, 4]}
    drawn(page)
    assert place(page)["top"] == 3_600
    expect(page.locator(".pcb-found")).to_have_text("1 of 111")


def test_it_goes_on_following_where_it_is_moved(page: Page) -> None:
    show(page, LIVE, many(1_000))
    page.evaluate("document.querySelector('[data-pcb-model]').replaceWith(static('display-1', 'newer'))")
    drawn(page)
    page.evaluate("lines => model.log(lines, { first: 1000 })", many(10, 1_000))
    drawn(page)
    assert numbers(page)[-1] == 1_010
    assert place(page)["rest"] < 2


def test_focus_is_not_taken_from_where_it_went(page: Page) -> None:
    show(page, LIVE, many(10))
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), { id: 'elsewhere' }))")
    page.locator(".pcb-search").focus()
    page.locator("#elsewhere").focus()
    drawn(page)
    page.evaluate("document.querySelector('[data-pcb-model]').replaceWith(static('display-1', 'newer'))")
    drawn(page)
    expect(page.locator("#elsewhere")).to_be_focused()


def test_two_elements_have_two_views(page: Page) -> None:
    show(page, LIVE, many(1_000))
    page.evaluate("out.append(static('display-1', 'the same again'), static('display-2', 'another display'))")
    expect(page.locator(".pcb-live")).to_have_count(3)
    page.evaluate("document.querySelectorAll('.pcb-scroll')[1].scrollTop = 180")
    drawn(page)
    tops = "[...document.querySelectorAll('.pcb-scroll')].map((one) => one.scrollTop)"
    assert page.evaluate(tops) == [pytest.approx(18_000 - 378, abs=1), 180, pytest.approx(18_000 - 378, abs=1)]
    assert page.evaluate("model.sent") == [{"kind": "mounted"}]
    # Each finds its own place again.
    page.evaluate(
        """() => {
            for (const host of document.querySelectorAll("[data-pcb-model]")) {
                const parent = document.createElement("div");
                host.before(parent);
                parent.append(host);
            }
        }"""
    )
    drawn(page)
    page.evaluate(
        """() => {
            for (const host of document.querySelectorAll("[data-pcb-model]"))
                host.replaceWith(static(host.dataset.pcbDisplay, "newer"));
        }"""
    )
    drawn(page)
    assert page.evaluate(tops)[1] == 180
    page.evaluate("state => model.state(state)", GOOD)
    assert texts(page, ".pcb-status") == ["✓ success"] * 3


def test_a_view_that_left_for_long_is_dropped(timers: Page) -> None:
    start(timers, LIVE)
    timers.evaluate("() => { window.host = document.querySelector('[data-pcb-model]'); host.remove(); }")
    timers.evaluate("new Promise((done) => queueMicrotask(done))")
    timers.clock.run_for(400_000)
    assert timers.evaluate("timers.size") == 0
    assert timers.evaluate("host.querySelector('.told').textContent") == "as it was saved"
    timers.evaluate("out.append(host)")
    expect(timers.locator(".pcb-live")).to_have_count(1)


def test_an_element_that_comes_back_has_its_view_still(page: Page) -> None:
    show(page, LIVE, many(1_000))
    scroll_to(page, 900)
    page.evaluate("() => { window.host = document.querySelector('[data-pcb-model]'); host.remove(); }")
    drawn(page)
    page.evaluate("out.append(host)")
    drawn(page)
    expect(page.locator(".pcb-live")).to_have_count(1)
    assert place(page)["top"] == 900


def test_models_have_each_their_own_elements(page: Page) -> None:
    show(page, LIVE)
    page.evaluate(
        """async (state) => {
            // Each model's script is an instance of its own.
            const other = (await load()).default;
            window.second = new FakeModel({ key: "model-2", state });
            out.append(static("display-9", "of the second", "model-2"));
            other.initialize({ model: second });
            out.append(static("display-1", "of the first"));
        }""",
        GOOD,
    )
    expect(page.locator(".pcb-live")).to_have_count(3)
    assert texts(page, ".pcb-status") == ["● building", "✓ success", "● building"]


def test_a_widget_of_its_own(page: Page) -> None:
    page.evaluate(
        """async ([state, lines]) => {
            window.model = new FakeModel({ state });
            model.log(lines, { first: 100 });
            cards.default.initialize({ model });
            const el = document.createElement("div");
            window.end = cards.default.render({ model, el });
            await Promise.resolve();
            out.append(el);
        }""",
        [LIVE, many(50, 100)],
    )
    drawn(page)
    expect(page.locator(".pcb-live")).to_have_count(1)
    assert numbers(page)[-1] == 150
    assert page.evaluate("model.sent") == [
        {"kind": "mounted"},
        {"kind": "want", "generation": 1, "first": 0, "last": 100},
    ]
    page.evaluate("end()")
    expect(page.locator(".pcb-live")).to_have_count(0)


def test_the_key_may_come_late(page: Page) -> None:
    page.evaluate(
        """state => {
            window.model = new FakeModel({ state, key: "" });
            out.append(static("display-1", "as it was saved", "late"), static("display-2", "of another", ""));
            cards.default.initialize({ model });
            const el = document.createElement("div");
            out.append(el);
            cards.default.render({ model, el });
        }""",
        LIVE,
    )
    drawn(page)
    expect(page.locator(".pcb-live")).to_have_count(1)
    page.evaluate("model.set('key', 'late')")
    expect(page.locator(".pcb-live")).to_have_count(2)
    expect(page.locator(".told")).to_have_text("of another")
    page.evaluate("model.real.comm_live = false")
    expect(page.locator(".pcb-gone:not([hidden])")).to_have_count(2)


# ---- How it looks and how fast it is ----

CONTRAST = """
(elements) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return elements.filter((one) => one.checkVisibility()).map((one) => {
    const grounds = [];
    for (let at = one; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
    const ground = over(["#fff", ...grounds]);
    const text = over(["#fff", ...grounds, getComputedStyle(one).color]);
    const [high, low] = [light(text), light(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    return { what: one.className || one.localName, text: one.textContent.slice(0, 40), ratio };
  });
}
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_can_be_read(page: Page, theme: str) -> None:
    page.evaluate("theme => { document.body.dataset.jpThemeLight = String(theme === 'light'); }", theme)
    colours = [f"{ESCAPE}[{code}mcolour {code}{ESCAPE}[0m" for code in (*range(30, 38), *range(90, 98), 2, 7)]
    grounds = [f"{ESCAPE}[{code}mground {code}{ESCAPE}[0m" for code in (*range(40, 48), *range(100, 108))]
    show(page, FAILED | {"cached": True}, [*colours[:10], *grounds[:10], "needle needle"], notice="cut", total=50)
    open_log(page)
    page.get_by_label("Search the log").fill("needle")
    expect(page.locator("mark.pcb-current")).to_have_count(1)

    def check() -> None:
        texts_of = page.locator(".pcb-live :is(span, bdi, code, button, strong, pre, mark, div, input)")
        bad = [
            one
            for one in texts_of.evaluate_all(CONTRAST)
            if one["ratio"] < 4.5 and one["text"].strip() and not one["what"].startswith("pcb-said")
        ]
        assert bad == []

    check()
    page.evaluate("lines => model.log(lines, { generation: 2 })", [*colours[10:], *grounds[10:]])
    drawn(page)
    check()
    page.evaluate("state => model.state(state)", LIVE)
    check()


@pytest.mark.parametrize("width", [400, 860, 1600])
def test_nothing_is_wider_than_the_page(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    steps = [STEPS[number % 3] | {"name": f"RUN step {number} {'x' * 80}"} for number in range(40)]
    show(
        page, FAILED | {"steps": steps, "title": "agent" * 40, "note": "n" * 300}, ["x" * 9_000], notice="n" * 300
    )
    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]


#: Feeds a page a log, scrolls through it, searches and copies it.
FEED = """
async ({ state, windows, asked, words, copy }) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const line = (number) => `#7 ${number / 10} \\x1b[32mline\\x1b[0m ${number} ` + "of the log ".repeat(words);
  const lines = (first, count) => Array.from({ length: count }, (_, index) => line(first + index));
  window.model = new FakeModel({ state });
  out.append(static("display-1", "as it was saved"));
  cards.default.initialize({ model });
  await frame();
  for (let at = 0; at < windows; at += 1) {
    const added = lines(asked + at * 1000, 1000);
    await frame();
    model.log(added, { first: asked + at * 1000 });
    await frame();
  }
  for (let at = 0; at < asked; at += 1000) {
    const added = lines(at, 1000);
    await frame();
    model.answer(at, added);
    await frame();
  }
  const scroll = document.querySelector(".pcb-scroll");
  for (let at = 0; at <= 20; at += 1) {
    scroll.scrollTop = (scroll.scrollHeight * at) / 20;
    await frame();
  }
  const input = document.querySelector(".pcb-search");
  input.value = "LINE";
  input.dispatchEvent(new Event("input"));
  const found = document.querySelector(".pcb-found");
  while (!found.textContent.includes(" of ")) await frame();
  for (let at = 0; at < 20; at += 1) {
    document.querySelector("[aria-label='Next match']").click();
    await frame();
  }
  const said = document.querySelector(".pcb-said");
  if (copy) {
    document.querySelector("[aria-label='Copy the log']").click();
    while (!said.textContent.startsWith("Copied")) await frame();
  }
  await frame();
  return { found: found.textContent, rows: document.querySelectorAll(".pcb-row").length, said: said.textContent };
}
"""


def longest_task(trace: bytes) -> float:
    """The milliseconds that the page's main thread worked at the longest of its tasks.

    Its own processor time: on a busy machine the time on the wall is as long as others make it.
    """
    events = json.loads(trace)["traceEvents"]
    named = [event for event in events if event.get("name") == "thread_name"]
    main = {(one["pid"], one["tid"]) for one in named if one["args"]["name"] == "CrRendererMain"}
    tasks = [event for event in events if event.get("name") == "RunTask" and (event["pid"], event["tid"]) in main]
    assert len(tasks) > 100
    return max(float(task.get("tdur", 0)) for task in tasks) / 1000


TRACED = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"]


# What is copied goes to the browser in one piece, which for wide lines has 30 MB: that is the browser's time.
@pytest.mark.parametrize(
    ("windows", "asked", "words", "count", "copy"),
    [(5, 5_000, 4, 10_000, True), (5, 95_000, 4, 100_000, True), (3, 0, 880, 3_000, False)],
    ids=["10,000 lines", "100,000 lines", "wide lines"],
)
def test_the_main_thread_is_never_blocked(
    browser: Browser, page: Page, windows: int, asked: int, words: int, count: int, copy: bool
) -> None:
    options = {"state": LIVE, "windows": windows, "asked": asked, "words": words, "copy": copy}
    # What blocks by our doing does so each time; what the machine does (a stolen core) does not.
    for _ in range(3):
        browser.start_tracing(page=page, categories=TRACED)
        found = page.evaluate(FEED, options)
        longest = longest_task(browser.stop_tracing())
        print(f"longest task: {longest:.1f} ms")
        if longest < 50:
            break
        page.reload()
        page.wait_for_function("window.ready")
    assert found["found"].endswith(f" of {count:,}")
    assert found["said"] == (f"Copied {count:,} lines" if copy else f"Match {found['found']}")
    assert found["rows"] < 60
    assert longest < 50


def test_the_check_of_the_main_thread_can_fail(browser: Browser, page: Page) -> None:
    browser.start_tracing(page=page, categories=TRACED)
    page.evaluate(
        """async () => {
            const task = () => new Promise((done) => setTimeout(done, 0));
            for (let count = 0; count < 100; count += 1) await task();
            const end = performance.now() + 400;
            while (performance.now() < end);
            await task();
        }"""
    )
    assert longest_task(browser.stop_tracing()) > 50
