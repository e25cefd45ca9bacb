"""What the real local service refuses ends in one exception each, which says what to do."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipecat_nb.client import Client
from pipecat_nb.errors import ContextTooLarge, SettingsError, UploadExpired, UploadTooLarge
from pipecat_nb.lifecycle import Workspace, pack

from ..service.conftest import Caller, Clock, serving


class Leaping:
    """A clock by which a quarter of an hour goes by whenever somebody looks."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def __call__(self) -> datetime:
        self._now += timedelta(minutes=16)
        return self._now


def client_of(caller: Caller) -> Client:
    """Our client, where the service's tests have a plain one."""
    return Client(str(caller.session.headers["Authorization"]).removeprefix("Bearer "), api_host=caller.url)


def test_an_upload_that_expired_gets_a_fresh_permission(agent: Path, tmp_path: Path) -> None:
    clock = Clock()
    with serving(tmp_path / "state", clock=clock) as caller, pack(agent) as packed:
        client = client_of(caller)
        ticket = client.upload_url("us-west")
        clock.ahead = timedelta(minutes=16)
        used = client.upload(ticket, packed.archive)
        assert used.upload_id != ticket.upload_id
        assert client.create_build(used.upload_id, region="us-west").context_hash == packed.hash


def test_an_upload_that_expires_again_is_an_error(agent: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "state", clock=Leaping()) as caller:
        workspace = Workspace(client_of(caller))
        with pytest.raises(UploadExpired, match=r"15 minutes(.|\n)*%pcbuild preview") as caught:
            workspace.start(agent)
        assert caught.value.build.problem


def test_an_archive_that_the_storage_finds_too_large(agent: Path, tmp_path: Path) -> None:
    (agent / "weights.bin").write_bytes(os.urandom(100_000))
    with serving(tmp_path / "state", context_limit=50_000) as caller:
        workspace = Workspace(client_of(caller))
        with pytest.raises(UploadTooLarge, match=r"\.dockerignore"):
            workspace.start(agent)


def test_a_missing_token(agent: Path) -> None:
    with pytest.raises(SettingsError, match=r"no token for the API host(.|\n)*PIPECAT_API_KEY"):
        Workspace(Client(api_host="http://127.0.0.1:9")).start(agent)


@pytest.mark.skipif(os.name == "nt", reason="needs sparse files")
def test_a_context_above_500_mb_is_not_even_uploaded(agent: Path, workspace: Workspace) -> None:
    # What cannot be compressed, as cheaply as it can be had.
    block = os.urandom(2**20)
    with (agent / "model.bin").open("wb") as file:
        for number in range(505):
            file.write(number.to_bytes(4, "big") + block[4:])
    with pytest.raises(ContextTooLarge, match=r"500 MB(.|\n)*model\.bin(.|\n)*\.dockerignore"):
        workspace.start(agent)
