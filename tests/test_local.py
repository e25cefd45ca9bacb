"""The local service, found and started as a notebook does it."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipecat_nb import local, paths
from pipecat_nb.client import Client
from pipecat_nb.errors import LocalServiceError

from .conftest import stop_service, wait_until


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory of its own; what runs on it at the end is ended."""
    monkeypatch.setenv("PIPECAT_NB_STATE", str(tmp_path))
    directory = paths.service_dir()
    yield directory
    if local.find(directory):
        stop_service(directory)


def pid(state: Path) -> int:
    return int(json.loads((state / paths.SERVICE_FILE).read_text())["pid"])


def test_the_one_that_runs_is_found(state: Path) -> None:
    assert local.find(state) is None
    started = local.find_or_start()
    assert local.find_or_start() == started
    assert started.url.startswith("http://127.0.0.1:")
    assert started.token.reveal() not in repr(started)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_its_token_is_its_owners_alone(state: Path) -> None:
    local.find_or_start()
    assert stat.S_IMODE((state / paths.SERVICE_FILE).stat().st_mode) == 0o600


def test_kernels_that_start_it_at_once_share_it(state: Path) -> None:
    code = "from pipecat_nb import local; print(local.find_or_start().url)"
    kernels = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [kernel.communicate(timeout=90) for kernel in kernels]
    assert [error for _, error in said] == [""] * 4
    assert len({url for url, _ in said}) == 1


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_a_client_outlives_its_service(state: Path) -> None:
    client = Client()
    assert client.default_region() == "us-west"
    first = pid(state)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not local.find(state), "the service to be gone")
    assert client.default_region() == "us-west"
    assert pid(state) != first


def test_it_outlives_the_kernel_that_started_it(state: Path) -> None:
    code = "from pipecat_nb import local; print(local.find_or_start().url)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=90)
    found = local.find(state)
    assert found is not None
    assert found.url == done.stdout.strip()
    assert done.stderr == ""


def test_a_directory_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PIPECAT_NB_STATE", str(tmp_path / "file"))
    with pytest.raises(LocalServiceError, match="cannot be written"):
        Client().regions()


def test_why_it_did_not_start_is_told(state: Path) -> None:
    state.mkdir(parents=True)
    (state / "service.db").write_bytes(b"this is no database" * 300)
    with pytest.raises(LocalServiceError, match="ended at once") as caught:
        local.find_or_start()
    assert "service.log" in caught.value.hint
