"""The official client, unchanged, against the local service."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import TINY, Caller

# A process of its own: the client reads its settings when it is imported.
_CLIENT = """
import asyncio, json, sys
from pathlib import Path
from pipecatcloud._utils.build_utils import create_deterministic_tarball, get_exclusions, upload_to_s3
from pipecatcloud.cli.api import API

async def build(context):
    packed = create_deterministic_tarball(context, get_exclusions(context))
    ticket, error = await API.build_upload_url(org="local", region="us-west")
    assert error is None, error
    assert await upload_to_s3(packed.tarball, ticket["uploadUrl"], ticket["uploadFields"])
    created, error = await API.build_create(org="local", upload_id=ticket["uploadId"], region="us-west")
    assert error is None, error
    assert created["contextHash"] == packed.context_hash
    return created

async def main(call, *arguments):
    if call == "build":
        return await build(Path(arguments[0]))
    return await getattr(API, call)(**json.loads(arguments[0]))

print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
"""


def official(api: Caller, tmp_path: Path, call: str, *arguments: str, token: str | None = None) -> Any:
    """What the client's function gives; for those of its API a pair of result and error."""
    environment = {
        **os.environ,
        "PIPECAT_API_HOST": api.url,
        "PIPECAT_TOKEN": token or str(api.session.headers["Authorization"]).removeprefix("Bearer "),
        "PIPECAT_ORG": "local",
        "PIPECAT_CONFIG_PATH": str(tmp_path / "none.toml"),
    }
    answer = subprocess.run(
        [sys.executable, "-c", _CLIENT, call, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout.splitlines()[-1])


def test_it_finds_out_who_and_where(api: Caller, tmp_path: Path) -> None:
    user, error = official(api, tmp_path, "whoami", "{}")
    assert (user["user"]["userId"], error) == ("local", None)
    organization, error = official(api, tmp_path, "organizations_current", "{}")
    assert (organization, error) == ({"name": "local", "verbose_name": "Local Pipecat Cloud"}, None)
    regions, error = official(api, tmp_path, "regions", '{"org": "local"}')
    assert ([region["code"] for region in regions], error) == (
        ["us-west", "us-east", "eu-central", "ap-south"],
        None,
    )
    assert official(api, tmp_path, "properties", '{"org": "local"}') == [{"defaultRegion": "us-west"}, None]


def test_it_reads_our_refusals(api: Caller, tmp_path: Path) -> None:
    _, error = official(api, tmp_path, "build_list", '{"org": "local"}', token="wrong")
    assert error == {"error": "Unauthorized", "code": "UNAUTHORIZED"}
    _, error = official(api, tmp_path, "build_upload_url", '{"org": "local", "region": "mars"}')
    assert "us-west" in error["error"]


@pytest.mark.usefixtures("container_engine")
def test_it_builds_lists_and_reads_logs(api: Caller, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    for name, content in TINY.items():
        (context / name).write_bytes(content)
    created = official(api, tmp_path, "build", str(context))
    assert created["cached"] is False
    build_id = created["build"]["id"]
    build = api.ended(build_id)
    assert build["status"] == "success"
    again = official(api, tmp_path, "build", str(context))
    assert (again["cached"], again["build"]["id"]) == (True, build_id)

    query = {"org": "local", "context_hash": created["contextHash"], "region": "us-west", "status": "success"}
    page, error = official(api, tmp_path, "build_list", json.dumps(query))
    assert error is None
    assert [one["id"] for one in page["builds"]] == [build_id]
    one = json.dumps({"org": "local", "build_id": build_id})
    assert official(api, tmp_path, "build_get", one) == [{"build": build}, None]
    logs, error = official(api, tmp_path, "build_logs", one)
    assert error is None
    assert logs["logs"] == api.log(build_id)
