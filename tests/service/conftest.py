"""A real local service in this process, on a real port, with a clock that can be set."""

import gzip
import io
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import uvicorn

from pipecat_nb.errors import EngineNotFound
from pipecat_nb.service.app import create_app
from pipecat_nb.service.engines import Engine, EngineChoice
from pipecat_nb.service.service import Service
from pipecat_nb.service.state import StateDirectory

from ..conftest import remove_images

TINY = {"Dockerfile": b"FROM scratch\nCOPY data /data\n", "data": b"x"}


def wait_for(ask: Callable[[], Any], *, limit: float = 60) -> Any:
    """What is asked for, as soon as it is true; fails after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (value := ask()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


def pack(files: Mapping[str, bytes], *members: tarfile.TarInfo) -> bytes:
    """A context of these files, and of entries without content."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
        for member in members:
            tar.addfile(member)
    return packed.getvalue()


def holes(name: str, size: int) -> tarfile.TarInfo:
    """A file of zeros that hardly needs any room in an archive."""
    info = tarfile.TarInfo(name)
    info.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(size)}
    return info


class Clock:
    """The real time, moved by `ahead`."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Caller:
    """Calls a service by HTTP as any client does; `url` and `token` may be changed."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.images: set[str] = set()
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.url + path, timeout=60, **options)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.session.post(self.url + path, json=body, timeout=60)

    def ticket(self, region: str = "us-west") -> dict[str, Any]:
        answer = self.post("/v1/builds/upload-url", {"region": region})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def send(self, ticket: Mapping[str, Any], archive: bytes, **fields: str | None) -> requests.Response:
        """The form of an upload; `fields` replace those of the ticket, None leaves one out."""
        form = {name: value for name, value in {**ticket["uploadFields"], **fields}.items() if value is not None}
        file = {"file": ("context.tar.gz", archive, "application/gzip")}
        headers = {"Authorization": None}
        return self.session.post(ticket["uploadUrl"], data=form, files=file, headers=headers, timeout=60)

    def upload(self, archive: bytes, region: str = "us-west") -> str:
        ticket = self.ticket(region)
        answer = self.send(ticket, archive)
        assert answer.status_code == 204, answer.text
        return str(ticket["uploadId"])

    def create(
        self, archive: bytes, *, region: str = "us-west", dockerfile: str = "Dockerfile"
    ) -> requests.Response:
        upload_id = self.upload(archive, region)
        return self.post("/v1/builds", {"uploadId": upload_id, "region": region, "dockerfilePath": dockerfile})

    def build(self, build_id: str) -> dict[str, Any]:
        return dict(self.get(f"/v1/builds/{build_id}").json()["build"])

    def log(self, build_id: str) -> list[str]:
        return list(self.get(f"/v1/builds/{build_id}/logs", params={"limit": 10000}).json()["logs"])

    def ended(self, build_id: str) -> dict[str, Any]:
        """The build when it has ended."""

        def final() -> dict[str, Any] | None:
            build = self.build(build_id)
            return build if build["status"] not in ("pending", "building") else None

        build = dict(wait_for(final))
        self.images.update([build["imageUri"]] if "imageUri" in build else [])
        return build

    def run(self, archive: bytes, **options: str) -> dict[str, Any]:
        """A build, started and ended."""
        return self.ended(self.create(archive, **options).json()["build"]["id"])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextmanager
def serving(state: Path, **options: Any) -> Iterator[Caller]:
    """A service on a state directory for as long as the block runs."""
    directory = StateDirectory(state)
    with Service(directory, **options) as service:
        config = uvicorn.Config(
            create_app(service), port=0, http="h11", lifespan="off", ws="none", log_config=None
        )
        server = _Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        assert server.ready.wait(20)
        port = server.servers[0].sockets[0].getsockname()[1]
        caller = Caller(f"http://127.0.0.1:{port}", service.token.reveal())
        try:
            yield caller
        finally:
            caller.session.close()
            remove_images(*caller.images)
            server.should_exit = True
            thread.join()
    directory.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(tmp_path: Path, clock: Clock) -> Iterator[Caller]:
    """A service without anything in it, that takes contexts up to one MiB."""
    with serving(tmp_path / "state", clock=clock, context_limit=1024 * 1024) as caller:
        yield caller


@pytest.fixture(scope="session")
def container_engine() -> Engine:
    """The engine of this machine."""
    try:
        return EngineChoice().get()
    except EngineNotFound as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shell() -> dict[str, bytes]:
    """The files of a context `root/` with /bin/sh and /bin/sleep, so that RUN works without any image."""
    if sys.platform != "linux":
        pytest.skip("takes the shell of a Linux machine")
    files = {}
    for program in ("sh", "sleep"):
        path = shutil.which(program)
        assert path is not None
        files[f"root/bin/{program}"] = Path(path).read_bytes()
        asked = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
        for word in asked.stdout.split():
            if word.startswith("/"):
                files[f"root{word}"] = Path(word).read_bytes()
    return files


def shell_context(shell: Mapping[str, bytes], *commands: str) -> bytes:
    """A context that runs these commands while it is built."""
    # Unlike any earlier one, or else the engine would take its steps from its cache.
    steps = "".join(f"RUN : {uuid4()}; {command}\n" for command in commands)
    return pack({**shell, "Dockerfile": f"FROM scratch\nCOPY root/ /\n{steps}".encode()})
