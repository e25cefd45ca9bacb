"""Nothing that holds a key leaves the machine unasked."""

from pathlib import Path

import pytest

from pipecat_nb.client import Client
from pipecat_nb.errors import SecretsFound
from pipecat_nb.lifecycle import BuildHandle, Workspace

from ..scripted import Scripted

KEY = "OPENAI_API_KEY=abc123\n"


def test_a_context_with_a_secret_is_refused_before_any_request(agent: Path, scripted: Scripted) -> None:
    (agent / ".dockerignore").write_text("")
    (agent / ".env").write_text(KEY)
    shown: list[BuildHandle] = []
    workspace = Workspace(Client("a-token", api_host=scripted.url))
    with pytest.raises(SecretsFound, match=r"\.env:1  environment file with values") as caught:
        workspace.start(agent, region="us-west", show=shown.append)
    assert scripted.asked == []
    assert "abc123" not in str(caught.value)
    assert "1 secret would be sent" in shown[0].problem
    assert caught.value.build is shown[0]


@pytest.mark.usefixtures("engine")
def test_what_is_allowed_is_built(workspace: Workspace, agent: Path) -> None:
    (agent / ".dockerignore").write_text("")
    (agent / ".env").write_text(KEY)
    assert workspace.start(agent, allow_secrets=[".env"]).wait(60).status == "success"
