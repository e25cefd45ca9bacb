"""What all rooms' tests share: an environment without anybody's credentials, the local service, an engine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from pipecat_nb import local, paths
from pipecat_nb.client import Client, Retry
from pipecat_nb.lifecycle import Workspace
from pipecat_nb.service.engines import EngineChoice

from .scripted import Scripted

CI = os.environ.get("CI") == "true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> Iterator[None]:
    """In CI nothing is skipped: what a laptop may lack is a failure there."""
    report = yield
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """The same for a module that skips itself."""
    report = yield
    if CI and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No credentials and no state of the person who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name.startswith(("PIPECAT_", "PCC_")):
                patch.delenv(name)
        patch.setenv("PIPECAT_NB_STATE", str(tmp_path_factory.mktemp("state")))
        patch.setenv("PIPECAT_CONFIG_PATH", str(tmp_path_factory.mktemp("login") / "pipecatcloud.toml"))
        yield


@pytest.fixture(scope="session")
def engine() -> str:
    """The container engine that answers on this machine."""
    asked = subprocess.run(
        [sys.executable, "-m", "pipecat_nb.service.engines"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if asked.returncode:
        pytest.skip(asked.stderr.strip())
    return asked.stdout.strip()


@pytest.fixture(scope="session")
def service(_own_state: None) -> Iterator[local.LocalService]:
    """The local service, started as a notebook starts it."""
    yield local.find_or_start()
    images = {build.image_uri for build in Client().list_builds() if build.image_uri}
    stop_service(paths.service_dir())
    remove_images(*images)


def remove_images(*images: str) -> None:
    """Leave nothing in the engine's storage; images that are gone already do no harm."""
    if images:
        name = EngineChoice().get().name
        subprocess.run([name, "rmi", *images], capture_output=True, check=False, timeout=120)


def stop_service(state: Path) -> None:
    """End the service of a state directory, and wait until it is gone."""
    told = state / paths.SERVICE_FILE
    os.kill(json.loads(told.read_text())["pid"], signal.SIGTERM)
    wait_until(lambda: not told.exists(), "the service to end")


def wait_until(reached: Callable[[], object], what: str, *, limit: float = 60) -> None:
    """Wait for a condition; fails when it does not come."""
    deadline = time.monotonic() + limit
    while not reached():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {limit:g} s for {what}")
        time.sleep(0.02)


@pytest.fixture
def client(service: local.LocalService) -> Client:
    return Client()


@pytest.fixture
def workspace(client: Client) -> Iterator[Workspace]:
    workspace = Workspace(client)
    yield workspace
    workspace.close()


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    """A directory whose image is built in a moment, and has never been built before."""
    directory = tmp_path / "agent"
    directory.mkdir()
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY bot.py /bot.py\n")
    (directory / "bot.py").write_text(f"print({str(tmp_path)!r}, {os.urandom(8).hex()!r})\n")
    return directory


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's executable."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not found:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pauses() -> list[float]:
    """The seconds that the client would have slept."""
    return []


@pytest.fixture
def key_client(scripted: Scripted, pauses: list[float]) -> Callable[..., Client]:
    """A client of the scripted server that does not really sleep."""

    def make(token: str = "key-of-a-test", **options: Any) -> Client:
        retry = Retry(sleep=pauses.append, jitter=lambda: 0.5)
        return Client(token, api_host=scripted.url, retry=retry, **options)

    return make
