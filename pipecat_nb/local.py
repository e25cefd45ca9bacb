"""Finds the local Pipecat Cloud that runs on this machine, or starts it."""

import http.client
import json
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipecat_nb import paths
from pipecat_nb.errors import LocalServiceError
from pipecat_nb.models import Secret

#: Seconds that a service has to say that it is ready; a cold disk makes the first start of Python slow.
START_LIMIT = 60.0

#: The exit status of a service that found another one on its state directory.
HELD = 3


@dataclass(frozen=True, kw_only=True)
class LocalService:
    """A local service that runs: its address and the token that it takes."""

    url: str
    token: Secret


def find_or_start(directory: Path | None = None) -> LocalService:
    """The local service of a state directory, started if it does not run; raises LocalServiceError."""
    state = directory or paths.service_dir()
    return find(state) or _start(state)


def find(directory: Path) -> LocalService | None:
    """The service that runs on this state directory and answers; None where there is none."""
    try:
        told = json.loads((directory / paths.SERVICE_FILE).read_text(encoding="utf-8"))
        service = LocalService(url=told["url"], token=Secret(told["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return service if _answers(service) else None


def _answers(service: LocalService) -> bool:
    address = urlsplit(service.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    try:
        connection.request("GET", "/v1/regions", headers={"Authorization": f"Bearer {service.token.reveal()}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _start(state: Path) -> LocalService:
    """Start a service that outlives this process, and wait until it answers."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = (state / "service.log").open("ab")
    except OSError as error:
        raise LocalServiceError(
            f"The local service's directory {state} cannot be written: {error.strerror}.",
            hint="PIPECAT_NB_STATE names another one.",
        ) from error
    command = [sys.executable, "-m", "pipecat_nb.service", "--state", str(state)]
    with log:
        begin = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, **_detached()
        )
    try:
        return _wait_until_ready(process, state)
    except LocalServiceError as error:
        said = (state / "service.log").read_bytes()[begin:].decode(errors="replace").strip()
        error.message += f"\n{said.splitlines()[-1]}" if said else ""
        error.hint = f"Its log is {state / 'service.log'}."
        raise
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # it outlives us by intention
            del process


def _wait_until_ready(process: "subprocess.Popen[bytes]", state: Path) -> LocalService:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if service := find(state):
            return service
        # When another kernel was quicker, ours ends as held, and that one is about to answer.
        if process.poll() not in (None, HELD):
            raise LocalServiceError(f"The local service ended at once (exit status {process.returncode}).")
        time.sleep(0.03)
    raise LocalServiceError(f"The local service did not answer within {START_LIMIT:.0f} s.")


def _detached() -> dict[str, Any]:
    """A process of its own: it outlives the kernel, and Ctrl-C in a terminal does not reach it."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    return {"start_new_session": True}
