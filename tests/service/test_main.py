"""The service as a process: how it starts, what it leaves, how it ends."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from .conftest import TINY, Caller, pack, remove_images, shell_context, wait_for
from .test_builds import running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends processes by POSIX signals")


class Started:
    """A service process; `caller` calls it."""

    def __init__(self, state: Path, *options: str, **arguments: Any) -> None:
        command = [sys.executable, "-W", "error", "-m", "pipecat_nb.service", "--state", str(state), *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | arguments
        self.process: subprocess.Popen[str] = subprocess.Popen(command, text=True, **pipes)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.about = json.loads(line)
        self.caller = Caller(self.about["url"], self.about["token"])

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Status and what was printed since it was ready."""
        self.process.send_signal(number)
        printed, logged = self.process.communicate(timeout=20)
        return self.process.returncode, printed, logged


@contextmanager
def started(state: Path, *options: str, **arguments: Any) -> Iterator[Started]:
    service = Started(state, *options, **arguments)
    try:
        yield service
    finally:
        service.caller.session.close()
        remove_images(*service.caller.images)
        service.process.kill()
        service.process.communicate()


def test_it_says_when_it_is_ready_and_how_it_is_reached(tmp_path: Path) -> None:
    with started(tmp_path / "new" / "state") as service:
        assert set(service.about) == {"url", "token", "org"}
        assert service.about["org"] == "local"
        file = tmp_path / "new" / "state" / "service.json"
        assert json.loads(file.read_text()) == {**service.about, "pid": service.process.pid}
        assert file.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "new" / "state" / "token").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "new" / "state").stat().st_mode & 0o777 == 0o700
        assert service.caller.get("/v1/builds").status_code == 200
        assert service.end() == (0, "", "")
        assert not file.exists()


def test_token_and_port_survive_a_restart(tmp_path: Path) -> None:
    with started(tmp_path) as first:
        first.end(signal.SIGINT)
    with started(tmp_path) as second:
        assert second.about == first.about


def test_a_port_that_is_taken_is_no_obstacle(tmp_path: Path) -> None:
    with started(tmp_path / "one") as one:
        (tmp_path / "two").mkdir()
        (tmp_path / "two" / "port").write_text(one.about["url"].rpartition(":")[2])
        with started(tmp_path / "two") as two:
            assert two.about["url"] != one.about["url"]
            assert two.about["token"] != one.about["token"]


def run(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipecat_nb.service", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_second_service_on_the_same_directory_refuses(tmp_path: Path) -> None:
    with started(tmp_path) as service:
        refused = run("--state", str(tmp_path))
        assert refused.returncode == 3
        assert refused.stdout == ""
        assert f"process {service.process.pid}" in refused.stderr
        assert service.caller.get("/v1/builds").status_code == 200
        assert (tmp_path / "service.json").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--host", "0.0.0.0"],
        ["--host", "example.com"],
        ["--workers", "0"],
        ["--engine", "lxc"],
        ["--idle-exit", "-1"],
        ["--idle-exit", "nan"],
        ["--build-timeout", "x"],
        ["--build-timeout", "0"],
        ["--build-timeout", "1e300"],
        ["--workers", "x"],
        ["--port", "x"],
        ["--port", "70000"],
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: list[str]) -> None:
    refused = run("--state", str(tmp_path / "state"), *options)
    assert refused.returncode == 2
    told = refused.stderr.rpartition("error: ")[2]
    assert told.startswith(f"argument {options[0]}: ")
    assert "invalid _" not in told
    assert not (tmp_path / "state").exists()


def test_help_tells_what_each_option_means_and_its_default() -> None:
    told = " ".join(run("--help").stdout.partition("options:")[2].split())
    for option, default in {
        "--host": "(127.0.0.1)",
        "--port": "(0)",
        "--state": "service)",
        "--engine": "docker, podman, buildah)",
        "--build-timeout": "(3600)",
        "--idle-exit": "(1800)",
        "--workers": "(2)",
    }.items():
        meaning = told.partition(f" {option} ")[2].partition(" --")[0]
        assert default in meaning
        assert len(meaning.split()) > 5, "says more than its name"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one loopback address only")
def test_another_loopback_address_answers_to_its_own_name(tmp_path: Path) -> None:
    with started(tmp_path, "--host", "127.0.0.2") as service:
        assert service.about["url"].startswith("http://127.0.0.2:")
        assert service.caller.get("/v1/regions").status_code == 200
        elsewhere = service.caller.get("/v1/regions", headers={"Host": "127.0.0.3"})
        assert elsewhere.status_code == 421


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_it_serves_the_other_internet_protocol(tmp_path: Path) -> None:
    with started(tmp_path, "--host", "::1") as service:
        assert service.caller.get("/v1/regions").status_code == 200


def test_a_directory_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run("--state", str(tmp_path / "file"))
    assert refused.returncode == 1
    assert str(tmp_path / "file") in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "service.db").write_bytes(b"this is no database" * 100)
    refused = run("--state", str(tmp_path))
    assert refused.returncode == 1
    assert str(tmp_path / "service.db") in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with started(tmp_path / "one") as one:
        port = one.about["url"].rpartition(":")[2]
        refused = run("--state", str(tmp_path / "two"), "--port", port)
    assert refused.returncode == 1
    assert f"port {port}" in refused.stderr


def test_it_ends_when_nobody_asks(tmp_path: Path) -> None:
    with started(tmp_path, "--idle-exit", "1") as service:
        asked_until = time.monotonic() + 2
        while time.monotonic() < asked_until:
            assert service.caller.get("/v1/regions").status_code == 200
        assert service.process.wait(15) == 0
    assert not (tmp_path / "service.json").exists()


@pytest.mark.usefixtures("container_engine")
def test_it_does_not_end_while_it_builds(tmp_path: Path, shell: dict[str, bytes]) -> None:
    with started(tmp_path, "--idle-exit", "1") as service:
        service.caller.create(shell_context(shell, "sleep 3"))
        begun = time.monotonic()
        assert service.process.wait(60) == 0
        assert time.monotonic() - begun > 3
    assert statuses(tmp_path) == ["success"]


def test_it_outlives_those_who_read_it(tmp_path: Path) -> None:
    with started(tmp_path, start_new_session=True) as service:
        assert service.process.stdout is not None
        assert service.process.stderr is not None
        service.process.stdout.close()
        service.process.stderr.close()
        assert service.caller.get("/v1/builds").status_code == 200
        service.process.terminate()
        assert service.process.wait(20) == 0


def test_it_starts_with_nobody_to_read_it(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pipecat_nb.service", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, text=True) as process:
        os.close(writer)
        try:
            wait_for((tmp_path / "service.json").exists)
            about = json.loads((tmp_path / "service.json").read_text())
            answer = requests.get(
                f"{about['url']}/v1/builds", headers={"Authorization": f"Bearer {about['token']}"}, timeout=60
            )
            assert answer.status_code == 200
        finally:
            process.terminate()
            _, logged = process.communicate(timeout=20)
    assert (process.returncode, logged) == (0, "")


@pytest.mark.usefixtures("container_engine")
def test_a_signal_ends_builds_with_their_processes(tmp_path: Path, shell: dict[str, bytes]) -> None:
    with started(tmp_path) as service:
        build_id = service.caller.create(shell_context(shell, "echo begun; sleep 6543")).json()["build"]["id"]
        wait_for(lambda: "begun" in service.caller.log(build_id))
        assert service.end()[0] == 0
    assert not running("sleep 6543")
    assert statuses(tmp_path) == ["failed"]


@pytest.mark.usefixtures("container_engine")
def test_after_a_kill_nothing_accepted_is_lost(tmp_path: Path, shell: dict[str, bytes]) -> None:
    with started(tmp_path, "--workers", "1") as service:
        caller = service.caller
        done = caller.run(pack(TINY))
        killed_id = caller.create(shell_context(shell, "echo begun; sleep 8")).json()["build"]["id"]
        waiting_id = caller.create(pack(TINY | {"data": b"waiting"})).json()["build"]["id"]
        wait_for(lambda: "begun" in caller.log(killed_id))
        service.process.kill()
        service.process.communicate()
        images, caller.images = caller.images, set()
    (tmp_path / "contexts" / "half.part").write_bytes(b"half an upload")
    with started(tmp_path) as service:
        service.caller.images |= images
        assert service.caller.ended(waiting_id)["status"] == "success"
        killed = service.caller.build(killed_id)
        assert killed["status"] == "failed"
        assert "was stopped while this build ran; start it again" in killed["errorMessage"]
        assert service.caller.build(done["id"])["status"] == "success"
        assert service.caller.create(pack(TINY)).json()["cached"] is True
        assert not (tmp_path / "contexts" / "half.part").exists()
        assert list((tmp_path / "work").iterdir()) == []
    with closing(sqlite3.connect(tmp_path / "service.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_the_token_is_logged_nowhere(tmp_path: Path) -> None:
    with started(tmp_path) as service:
        service.caller.get("/v1/builds")
        service.caller.post("/v1/builds", {})
        token = service.about["token"]
        status, printed, logged = service.end()
    assert status == 0
    assert token not in printed + logged
    holding = {file.name for file in tmp_path.rglob("*") if file.is_file() and token.encode() in file.read_bytes()}
    assert holding == {"token"}


def statuses(state: Path) -> list[str]:
    with closing(sqlite3.connect(state / "service.db")) as database:
        return [row[0] for row in database.execute("SELECT status FROM builds ORDER BY number")]
