"""The history: through the real local service, and a scripted one for long pasts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import pipecat_nb
from pipecat_nb.analysis import history
from pipecat_nb.client import Client
from pipecat_nb.errors import InvalidFilter, UnknownRegion
from pipecat_nb.lifecycle import Workspace
from pipecat_nb.models import format_time

from ..scripted import Answer, Scripted


@pytest.mark.usefixtures("engine")
def test_builds_become_rows(workspace: Workspace, agent: Path) -> None:
    first = workspace.start(agent, note="first").wait(60)
    (agent / "Dockerfile").write_text("FROM scratch\nCOPY absent.txt /\n")
    second = workspace.start(agent)
    table = pipecat_nb.history(client=workspace.client, limit=2)
    assert table.index.tolist() == [second.id, first.id]
    build = table.loc[first.id]
    assert (build["status"], build["note"], build["files"]) == ("success", "first", 2)
    assert build["directory"] == str(agent)
    assert table.attrs["target"] == "local service"
    assert history(client=workspace.client, context_hash=first.context_hash).index.tolist() == [first.id]
    assert first.id in history(client=workspace.client, status="success", region="us-west", since="1h").index
    assert history(client=workspace.client, until="2026-01-01", since="2025-01-01").empty


def test_a_status_is_meant_in_any_case(scripted: Scripted, key_client: Callable[..., Client]) -> None:
    scripted.answers = [Answer(body={"builds": []})]
    for status in ("SUCCESS", "Success", "success"):
        history(client=key_client(), status=status)
    assert all("status=success&" in f"{asked.path}&" for asked in scripted.asked)
    assert len(scripted.asked) == 3
    with pytest.raises(InvalidFilter, match="'Done'"):
        history(client=key_client(), status="Done")


def test_what_is_not_valid_lists_what_is(client: Client) -> None:
    with pytest.raises(InvalidFilter, match="pending, building, success, failed, timeout"):
        history(client=client, status="done")
    with pytest.raises(UnknownRegion, match="us-west, us-east"):
        history(client=client, region="moon")
    with pytest.raises(InvalidFilter, match="2026-02-20"):
        history(client=client, since="yesterday-ish")
    with pytest.raises(InvalidFilter, match="0 or more"):
        history(client=client, limit=-1)


def test_a_period_is_filtered_here(scripted: Scripted, key_client: Callable[..., Client]) -> None:
    now = datetime.now(UTC)
    rows = [
        {"id": f"{days}", "status": "success", "createdAt": format_time(now - timedelta(days=days))}
        for days in (0, 9, 2, 5, 30)
    ]
    rows.append({"id": "never", "status": "pending"})
    scripted.answers = [Answer(body={"builds": rows, "total": 6, "limit": 100, "offset": 0})]

    def ids(**bounds: str | int) -> list[str]:
        return history(client=key_client(), **bounds).index.tolist()  # type: ignore[arg-type]

    assert ids(since="7d") == ["0", "2", "5"]
    assert ids(until="7d") == ["9", "30"]
    assert ids(since="10d", until="1d", limit=2) == ["9", "2"]
    assert len(ids()) == 6
