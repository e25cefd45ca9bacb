"""The card of a build, in every state, as HTML and as text."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from pipecat_nb.client import Client, Retry
from pipecat_nb.lifecycle import BuildHandle, Diagnosis, diagnose
from pipecat_nb.lifecycle.progress import progress
from pipecat_nb.models import Build
from pipecat_nb.notebook import card
from pipecat_nb.notebook.snapshot import Snapshot

ID = "123e4567-e89b-12d3-a456-426614174000"
CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Page(HTMLParser):
    """A page's tags with their attributes, and its text without the style sheet's."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def handle(status: str, **traits: Any) -> BuildHandle:
    defaults = {
        "name": "agent",
        "directory": "/home/me/agent",
        "where": "acme on host",
        "region": "us-west",
        "pack_seconds": 0.2,
        "files": 1234,
        "context_size": 40 * 1024**2,
        "archive_size": 12 * 1024**2,
    }
    nowhere = Client("key-of-a-test", api_host="http://127.0.0.1:9", retry=Retry(tries=1))
    return BuildHandle(nowhere, status=status, **defaults | traits)


def built(status: str, **fields: Any) -> dict[str, Any]:
    """The traits of a build that exists on the service since a while."""
    times = {
        "created_at": CREATED,
        "started_at": CREATED + timedelta(seconds=5),
        "completed_at": CREATED + timedelta(seconds=75),
    }
    return {"id": ID, "build": Build(id=ID, status=status, **times | fields), "upload_seconds": 3.0}


def both(build: BuildHandle) -> tuple[Page, str]:
    snapshot = Snapshot.of(build)
    return Page(card.html(snapshot)), card.text(snapshot)


def stages(page: Page) -> list[str | None]:
    return [attributes["data-state"] for tag, attributes in page.tags if tag == "li"]


def test_a_build_shows_its_step_and_the_logs_last_lines_while_it_goes_on() -> None:
    log = ["STEP 1/4: FROM x", "STEP 2/4: COPY . .", "STEP 3/4: RUN make <all>", "cc -c a.c"]
    traits = built("building", completed_at=None) | {"progress": progress(log, status="building")}
    page, text = both(handle("building", **traits))
    for said in (page.text, text):
        assert "step 3 of 4: RUN make <all>" in said
    assert "cc -c a.c" in page.text
    assert [attributes.get("style") for tag, attributes in page.tags if tag == "li"][3] == "--pcb-share:50.0%"
    traits = built("success", image_size=2048) | {"progress": progress(log, status="success")}
    page, text = both(handle("success", **traits))
    assert "image 2.0 kB, 3 steps" in page.text
    assert "cc -c a.c" not in page.text


def test_a_warning_stands_on_the_card() -> None:
    page, said = both(handle("uploading", warning="The files are 600 MB\x1b[2J before compression."))
    assert "The files are 600 MB before compression." in page.text
    assert "  ! The files are 600 MB before compression." in said


def test_a_success() -> None:
    page, text = both(
        handle("success", **built("success", image_size=524_288_000), image_uri="registry/acme:a1b2", note="uv")
    )
    for said in (page.text, text):
        for word in (
            "✓ success",
            "agent",
            "acme on host",
            "us-west",
            "Dockerfile",
            "uv",
            ID,
            "registry/acme:a1b2",
        ):
            assert word in re.sub(r" +", " ", said)
        assert re.search(r"Packed.*0\.2 s.*1,234 files, 40 MB.*Uploaded.*3\.0 s.*12 MB.*Queued.*5\.0 s", said)
        assert re.search(r"Built.*1 min 10 s.*image 500 MB", said)
        assert "cached" not in said
    assert stages(page) == ["done"] * 4
    assert page.tags[0][1]["data-mood"] == "good"
    assert page.tags[0][1]["aria-label"] == "Build of agent: success"
    assert not page.open


def test_a_cached_build_says_so() -> None:
    fields = built("success") | {"upload_seconds": None}
    page, text = both(handle("success", cached=True, image_uri="registry/acme:a1b2", **fields))
    for said in (page.text, text):
        assert "cached" in said
        assert "not needed" in said
    assert stages(page) == ["done", "skipped", "skipped"]


def test_an_upload_says_how_far_it_is() -> None:
    page, text = both(handle("uploading", sent=3 * 1024**2))
    assert "● uploading" in page.text
    assert "3.0 MB of 12 MB" in page.text
    assert "3.0 MB of 12 MB" in text
    assert stages(page) == ["done", "active", "waiting", "waiting"]
    assert [attributes.get("style") for tag, attributes in page.tags if tag == "li"][1] == "--pcb-share:25.0%"


def test_an_upload_tells_its_speed_and_what_is_left() -> None:
    sending = handle("uploading", sent=3 * 1024**2, upload_rate=1.5 * 1024**2)
    assert "Uploading (3.0 MB of 12 MB, 1.5 MB/s, 6.0 s left)" in card.text(Snapshot.of(sending))
    sent = handle("building", sent=12 * 1024**2, upload_rate=4 * 1024**2, **built("building"))
    assert "(12 MB, 4.0 MB/s)" in card.text(Snapshot.of(sent))


def test_packing_tells_its_files() -> None:
    packing = handle("packing", pack_seconds=None, packed=2500, to_pack=10_000)
    text = card.text(Snapshot.of(packing))
    assert "Packing (2,500 of 10,000 files)" in text
    assert 'style="--pcb-share:25.0%"' in card.html(Snapshot.of(packing))


def test_a_failure_shows_why_and_what_to_do_next() -> None:
    page, text = both(
        handle(
            "failed",
            **built("failed"),
            error_message="COPY failed",
            diagnosis=Diagnosis(tail=("STEP 2/3: COPY", "no such file")),
        )
    )
    for said in (page.text, text):
        for word in ("✕", "failed", "COPY failed", "STEP 2/3: COPY", "no such file", "%pcbuild logs 123e4567"):
            assert word in said
    assert stages(page) == ["done", "done", "done", "failed"]
    assert page.tags[0][1]["data-mood"] == "bad"


def test_a_failure_shows_its_step_the_dockerfile_and_what_mends_it() -> None:
    log = [
        "STEP 1/2: FROM python:3.12",
        "STEP 2/2: RUN pip install x",
        "ERROR: No matching distribution found for x",
    ]
    diagnosis = diagnose(log, dockerfile="FROM python:3.12\nRUN pip install x\n")
    page, text = both(handle("failed", **built("failed"), error_message="exit status 1", diagnosis=diagnosis))
    for said in (page.text, " ".join(text.split())):
        for word in (
            "step 2/2: RUN pip install x",
            "> 2 RUN pip install x",
            "A package was not found. Is the name of",
        ):
            assert word in said


def test_what_never_became_a_build() -> None:
    page, text = both(handle("uploading", problem="There is no region 'moon'."))
    for said in (page.text, text):
        assert "not started" in said
        assert said.count("There is no region 'moon'.") == 1
        assert re.search(r"Packed.*Not uploaded", said)
        assert "Upload failed" not in said
    assert stages(page) == ["done", "failed", "waiting", "waiting"]
    page, text = both(handle("packing", pack_seconds=None, problem="There is no such directory."))
    for said in (page.text, text):
        assert "Not packed" in said
        assert "Packing failed" not in said


PIP = (
    "STEP 3/4: RUN pip install -r requirements.txt",
    "ERROR: Could not find a version that satisfies the requirement nosuch==1.0",
    "ERROR: No matching distribution found for nosuch==1.0",
    "subprocess exited with status 1",
    'Error: building at STEP "RUN pip install -r requirements.txt": exit status 1',
)


@pytest.mark.parametrize(
    ("message", "tail", "why"),
    [
        (PIP[-1], PIP, f"{PIP[-1]}\n{PIP[2]}"),
        ("exit status 1", PIP, f"exit status 1\n{PIP[2]}"),
        ("The command 'RUN x' returned a non-zero code: 1", PIP, None),
        ('process "/bin/sh -c x" did not complete successfully: exit code: 127', PIP, None),
        ("exit status 1", ("0 errors", "Traceback", "ModuleNotFoundError: No module named 'x'"), None),
        ("exit status 1", ("nothing", "telling"), "exit status 1"),
        ("exit status 1", (), "exit status 1"),
        ("COPY absent.txt: no such file", PIP, "COPY absent.txt: no such file"),
        ("", PIP, ""),
    ],
)
def test_a_bare_exit_status_is_explained_by_the_logs_last_error(
    message: str, tail: tuple[str, ...], why: str | None
) -> None:
    snapshot = Snapshot.of(
        handle("failed", **built("failed"), error_message=message, diagnosis=Diagnosis(tail=tuple(tail)))
    )
    expected = f"{message}\n{tail[2]}" if why is None else why
    assert snapshot.why == expected
    assert all(
        line in card.text(snapshot).splitlines() for line in (f"  {each}" for each in expected.splitlines())
    )
    assert " ".join(expected.split()) in Page(card.html(snapshot)).text


@pytest.mark.parametrize(
    ("line", "telling"),
    [
        ("#7 1.234 ERROR: No matching distribution found for x", True),
        ("E: Unable to locate package x", True),
        ("npm ERR! missing script: x", True),
        ("error[E0425]: cannot find value `x`", True),
        ("fatal: could not read Username", True),
        ("note: This error originates from a subprocess, and is likely not a problem with pip.", False),
        ("error: subprocess-exited-with-error", True),
        ("Error: exit status 1", False),
        ("found 0 errors: all well", False),
    ],
)
def test_which_line_of_a_log_is_telling(line: str, telling: bool) -> None:
    tail = (line, *("after",) * 15)  # also where the card's own lines end before it
    snapshot = Snapshot.of(
        handle("failed", **built("failed"), error_message="exit status 1", diagnosis=Diagnosis(tail=tuple(tail)))
    )
    assert snapshot.why == (f"exit status 1\n{line}" if telling else "exit status 1")


def test_the_logs_end_is_what_is_seen_of_it() -> None:
    lines = tuple(f"line {number}" for number in range(20))
    page, text = both(handle("failed", **built("failed"), diagnosis=Diagnosis(tail=tuple(lines))))
    for said in (page.text, text):
        assert "line 8" in said
        assert "line 19" in said
        assert "line 7" not in said


def test_a_build_that_was_looked_up_has_only_the_services_stages() -> None:
    times = {"created_at": datetime.now(UTC) - timedelta(seconds=90), "started_at": datetime.now(UTC)}
    fields = built("building", completed_at=None, **times) | {"upload_seconds": None}
    page, text = both(handle("building", directory="", pack_seconds=None, **fields))
    assert stages(page) == ["done", "active"]
    assert "Pack" not in text
    assert re.match(r"●  building  agent  1 min 3\d s\n", text)


def test_a_failed_look_is_no_failed_build() -> None:
    fields = built("building", completed_at=None)
    page, text = both(handle("building", trouble="The service cannot be reached.", **fields))
    for said in (page.text, text):
        assert "building" in said
        assert "Trying again: The service cannot be reached." in said
    assert page.tags[0][1]["data-mood"] == "live"


def test_a_status_of_the_future() -> None:
    page, text = both(handle("archived", **built("archived")))
    assert "? archived" in page.text
    assert "?  archived" in text


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e\"'&"


@pytest.mark.parametrize("status", ["failed", "success", "building", "uploading"])
def test_hostile_text_stays_text(status: str) -> None:
    names = ("name", "where", "region", "dockerfile_path", "note", "image_uri", "error_message", "trouble")
    fields: dict[str, Any] = dict.fromkeys(names, HOSTILE)
    log = [f"STEP 1/1: RUN {HOSTILE}", HOSTILE, "x" * 1_000_000, "exec format error"]
    fields["diagnosis"] = diagnose(log, dockerfile=f"FROM x\nRUN {HOSTILE}")
    assert fields["diagnosis"].excerpt
    build = handle(status, **built(status) | fields)
    page, text = both(build)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert "<script>alert(1)</script>" in page.text
    assert not set("\x1b\u202e") & set(page.text + text)
    assert len(card.html(Snapshot.of(build))) < 50_000


def test_dollars_are_no_formula() -> None:
    build = handle("failed", **built("failed"), error_message='RUN "echo $(date) in $HOME": exit status 1')
    assert "mathjax_ignore" in str(both(build)[0].tags[0][1]["class"]).split()


def test_it_stands_on_its_own() -> None:
    """No script, nothing loaded from elsewhere, and short enough to be sent four times a second."""
    html = card.html(Snapshot.of(handle("success", **built("success"), image_uri="registry/acme:a1b2")))
    assert not re.search(r"<script|https?://|url\(|@import|<link|<img", html)
    assert len(html.encode()) < 10_000
