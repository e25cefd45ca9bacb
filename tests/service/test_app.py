"""What may be asked for, by whom, and how it is refused."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
import requests

from .conftest import TINY, Caller, pack


def test_what_there_is(api: Caller) -> None:
    regions = [
        {"code": "us-west", "display_name": "US West (Oregon)"},
        {"code": "us-east", "display_name": "US East (Virginia)"},
        {"code": "eu-central", "display_name": "Europe (Frankfurt)"},
        {"code": "ap-south", "display_name": "Asia Pacific (Mumbai)"},
    ]
    for prefix in ("/v1", "/v1/organizations/local"):
        assert api.get(f"{prefix}/regions").json() == {"regions": regions}
        assert api.get(f"{prefix}/properties").json() == {"properties": {"defaultRegion": "us-west"}}
        assert api.get(f"{prefix}/builds").json() == {"builds": [], "total": 0, "limit": 20, "offset": 0}
    organizations = api.get("/v1/organizations").json()["organizations"]
    assert [(one["name"], one["verboseName"]) for one in organizations] == [("local", "Local Pipecat Cloud")]
    assert api.get("/v1/users").json()["user"]["userId"] == "local"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic {token}", "bearer {token}x", "{token}"]
)
@pytest.mark.parametrize("path", ["/v1/builds", "/v1/organizations/local/builds", "/v1/nothing", "/"])
def test_the_token_is_needed(api: Caller, header: str | None, path: str) -> None:
    token = str(api.session.headers["Authorization"]).removeprefix("Bearer ")
    sent = {"Authorization": header.format(token=token)} if header is not None else {}
    answer = requests.get(api.url + path, headers=sent, timeout=60)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Unauthorized", "code": "UNAUTHORIZED"}


def test_another_organization_is_refused(api: Caller) -> None:
    answer = api.get("/v1/organizations/acme/builds")
    assert answer.status_code == 403
    assert "'local'" in answer.json()["error"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "[::2]:80", ""])
def test_other_host_names_are_refused(api: Caller, host: str) -> None:
    port = api.url.rpartition(":")[2]
    answer = api.get("/v1/regions", headers={"Host": host.format(port=port)})
    assert answer.status_code == 421
    assert answer.json()["code"] == "MISDIRECTED_REQUEST"


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST", "127.0.0.1", "[::1]:{port}"])
def test_the_machines_own_names_are_taken(api: Caller, host: str) -> None:
    port = api.url.rpartition(":")[2]
    assert api.get("/v1/regions", headers={"Host": host.format(port=port)}).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "limit=1_0", "limit=²"),
        *("offset=-1", "offset=x", f"offset={10**30}", "status=done"),
    ],
)
def test_a_wrong_page_is_refused(api: Caller, query: str) -> None:
    answer = api.get(f"/v1/builds?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "code"}


@pytest.mark.parametrize("limit", ["0", "10001", "x", "-5"])
def test_a_wrong_number_of_log_lines_is_refused(api: Caller, limit: str) -> None:
    assert api.get(f"/v1/builds/{uuid4()}/logs?limit={limit}").status_code == 400


@pytest.mark.parametrize("suffix", ["", "/logs"])
def test_ids_are_told_apart(api: Caller, suffix: str) -> None:
    assert api.get(f"/v1/builds/{uuid4()}{suffix}").status_code == 404
    for malformed in ("x", "%00", "{" + str(uuid4()) + "}", uuid4().hex, "null"):
        answer = api.get(f"/v1/builds/{malformed}{suffix}")
        assert answer.status_code == 400
        assert set(answer.json()) == {"error", "code"}


@pytest.mark.parametrize("region", [None, "mars", 1, ["us-west"], ""])
def test_a_wrong_region_is_answered_with_the_right_ones(api: Caller, region: Any) -> None:
    answer = api.post("/v1/builds/upload-url", {"region": region})
    assert answer.status_code == 400
    assert answer.json()["error"].endswith("us-west, us-east, eu-central, ap-south")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 60_000])
@pytest.mark.parametrize("path", ["/v1/builds", "/v1/builds/upload-url"])
def test_a_body_that_is_no_object_is_refused(api: Caller, path: str, body: bytes) -> None:
    answer = api.session.post(api.url + path, data=body, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["code"] == "GENERIC_BAD_REQUEST"


def test_a_large_body_is_refused(api: Caller) -> None:
    answer = api.post("/v1/builds", {"uploadId": "x" * 100_000})
    assert answer.status_code == 413
    assert answer.json()["code"] == "PAYLOAD_TOO_LARGE"


def test_a_body_without_end_is_not_read_for_ever(api: Caller) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            assert sent < 100 * 1024 * 1024, "still read"
            sent += 65536
            yield b"x" * 65536

    with suppress(requests.ConnectionError):
        answer = api.session.post(f"{api.url}/v1/builds", data=endless(), timeout=60)
        assert answer.status_code == 413


def test_a_build_of_an_upload_that_is_none_is_refused(api: Caller) -> None:
    assert api.post("/v1/builds", {"uploadId": str(uuid4()), "region": "us-west"}).status_code == 400
    permitted = api.ticket()["uploadId"]
    answer = api.post("/v1/builds", {"uploadId": permitted, "region": "us-west"})
    assert answer.status_code == 400
    assert "not found" in answer.json()["error"]
    malformed: Any
    for malformed in ("x", None, 5, {}):
        assert api.post("/v1/builds", {"uploadId": malformed, "region": "us-west"}).status_code == 400


def test_a_build_in_another_region_than_the_upload_is_refused(api: Caller) -> None:
    upload_id = api.upload(pack(TINY), "us-east")
    answer = api.post("/v1/builds", {"uploadId": upload_id, "region": "us-west"})
    assert answer.status_code == 400
    assert "us-east" in answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        *("../Dockerfile", "a/../../Dockerfile", "/etc/passwd", "C:\\x", "..\\x", "a\\..\\..\\x"),
        *("", " ", ".", "a\0b", "a\nb", "x" * 2000, None, 3),
    ],
)
def test_a_dockerfile_outside_is_refused(api: Caller, path: Any) -> None:
    upload_id = api.upload(pack(TINY))
    answer = api.post("/v1/builds", {"uploadId": upload_id, "region": "us-west", "dockerfilePath": path})
    assert answer.status_code == 400
    assert "dockerfilePath" in answer.json()["error"]


def test_unknown_paths_and_methods_are_answered_in_json(api: Caller) -> None:
    nowhere = api.get("/v1/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "NOT_FOUND")
    wrong = api.session.delete(f"{api.url}/v1/builds", timeout=60)
    assert (wrong.status_code, wrong.json()["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_pages_and_filters(api: Caller) -> None:
    archives = [pack({"nothing": bytes([number])}) for number in range(3)]
    builds = [
        api.run(archive, region="us-east" if number == 1 else "us-west") for number, archive in enumerate(archives)
    ]
    ids = [build["id"] for build in builds][::-1]

    def listed(query: str) -> tuple[list[str], int]:
        page = api.get(f"/v1/builds?{query}").json()
        return [build["id"] for build in page["builds"]], page["total"]

    assert listed("") == (ids, 3)
    assert listed("limit=2") == (ids[:2], 3)
    assert listed("limit=2&offset=2") == (ids[2:], 3)
    assert listed("offset=9") == ([], 3)
    assert listed("region=us-east") == ([ids[1]], 1)
    assert listed("status=failed&region=us-west") == ([ids[0], ids[2]], 2)
    assert listed("status=success") == ([], 0)
    assert listed(f"contextHash={builds[0]['contextHash']}") == ([ids[2]], 1)
    assert listed("region=nowhere") == ([], 0)
