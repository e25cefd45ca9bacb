"""An earlier build is looked up with as few requests as there can be."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pipecat_nb.client import Client
from pipecat_nb.lifecycle import Workspace, pack

from ..scripted import Answer, Scripted

ID = "123e4567-e89b-12d3-a456-426614174000"


def known(context_hash: str) -> Answer:
    build = {"id": ID, "status": "success", "region": "us-west", "contextHash": context_hash}
    return Answer(body={"builds": [build], "total": 1, "limit": 20, "offset": 0, "defaultRegion": "us-west"})


def test_a_known_build_takes_one_request(
    agent: Path, scripted: Scripted, key_client: Callable[..., Client]
) -> None:
    with pack(agent) as packed:
        scripted.answers = [known(packed.hash)]
    workspace = Workspace(key_client())
    handle = workspace.start(agent, region="us-west")
    assert (handle.id, handle.cached, handle.status) == (ID, True, "success")
    (asked,) = scripted.asked
    query = parse_qs(urlsplit(asked.path).query)
    assert (query["contextHash"], query["region"], query["status"]) == ([packed.hash], ["us-west"], ["success"])


def test_the_default_region_is_asked_for_once(
    agent: Path, scripted: Scripted, key_client: Callable[..., Client]
) -> None:
    with pack(agent) as packed:
        scripted.answers = [known(packed.hash)]
    workspace = Workspace(key_client())
    workspace.start(agent)
    scripted.asked.clear()
    assert workspace.start(agent).region == "us-west"
    assert len(scripted.asked) == 1
