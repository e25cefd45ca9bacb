"""Uploads: S3's pre-signed POST, and S3's ways to say no."""

import base64
import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from pipecat_nb.service import storage

from .conftest import TINY, Caller, Clock, pack, wait_for


def told(answer: requests.Response) -> tuple[int, str, str]:
    """Status, S3's code and S3's message."""
    assert answer.headers["content-type"].startswith("application/xml")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "Error"
    return answer.status_code, root.findtext("Code") or "", root.findtext("Message") or ""


def stored(tmp_path: Path) -> list[str]:
    return sorted(file.name for file in (tmp_path / "state" / "contexts").iterdir())


def test_an_upload_is_stored_and_answered_as_by_s3(api: Caller, tmp_path: Path) -> None:
    archive = pack(TINY)
    ticket = api.ticket()
    fields = ticket["uploadFields"]
    assert set(fields) == {
        "Content-Type",
        "key",
        "policy",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-signature",
    }
    policy = json.loads(base64.b64decode(fields["policy"]))
    assert policy["expiration"] == ticket["expiresAt"]
    assert ["content-length-range", 1, 1024 * 1024] in policy["conditions"]
    answer = api.send(ticket, archive)
    md5 = hashlib.md5(archive).hexdigest()
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (204, b"", f'"{md5}"')
    assert stored(tmp_path) == [f"{md5}.tar.gz"]
    assert (tmp_path / "state" / "contexts" / f"{md5}.tar.gz").read_bytes() == archive


def test_the_same_permission_serves_again(api: Caller) -> None:
    ticket = api.ticket()
    assert api.send(ticket, b"first").status_code == 204
    assert api.send(ticket, b"second").status_code == 204
    created = api.post("/v1/builds", {"uploadId": ticket["uploadId"], "region": "us-west"}).json()
    assert created["contextHash"] == hashlib.md5(b"second").hexdigest()[:16]


def test_a_permission_expires_after_a_quarter_of_an_hour(api: Caller, clock: Clock, tmp_path: Path) -> None:
    ticket = api.ticket()
    clock.ahead = timedelta(minutes=14, seconds=50)
    assert api.send(ticket, b"in time").status_code == 204
    clock.ahead = timedelta(minutes=15, seconds=1)
    expired = (403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    assert told(api.send(ticket, b"too late")) == expired
    assert len(stored(tmp_path)) == 1


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
        ({"x-amz-signature": "ünsigned"}, 403, "SignatureDoesNotMatch"),
        ({"policy": base64.b64encode(b'{"expiration": "2999-01-01T00:00:00Z", "conditions": []}').decode()}, 403,
         "SignatureDoesNotMatch"),
        ({"x-amz-credential": "SOMEONE/20260101/us-west/s3/aws4_request"}, 403, "InvalidAccessKeyId"),
        ({"key": "uploads/local/elsewhere/context.tar.gz"}, 403, "AccessDenied"),
        ({"Content-Type": "text/html"}, 403, "AccessDenied"),
        ({"Content-Type": None}, 403, "AccessDenied"),
        ({"Content-Type": None, "content-type": "application/gzip"}, 403, "AccessDenied"),
        ({"acl": "public-read"}, 403, "AccessDenied"),
        ({"a\x01<\uffff": "x"}, 403, "AccessDenied"),
        ({"key": None}, 400, "InvalidArgument"),
        ({"Key": "x", "key": None}, 400, "InvalidArgument"),
        ({"policy": None}, 400, "InvalidArgument"),
        ({"padding": "x" * 21_000}, 400, "MaxPostPreDataLengthExceeded"),
    ],
)  # fmt: skip
def test_changed_fields_are_refused(
    api: Caller, tmp_path: Path, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = api.send(api.ticket(), pack(TINY), **fields)
    assert told(answer)[:2] == (status, code)
    assert stored(tmp_path) == []


def test_a_file_above_the_limit_is_refused_and_read_to_its_end(api: Caller, tmp_path: Path) -> None:
    assert api.send(api.ticket(), bytes(1024 * 1024)).status_code == 204
    before = stored(tmp_path)
    status, code, _ = told(api.send(api.ticket(), bytes(20 * 1024 * 1024)))
    assert (status, code) == (400, "EntityTooLarge")
    assert told(api.send(api.ticket(), bytes(1024 * 1024 + 1)))[1] == "EntityTooLarge"
    assert stored(tmp_path) == before


def test_an_empty_file_is_refused(api: Caller, tmp_path: Path) -> None:
    assert told(api.send(api.ticket(), b""))[1] == "EntityTooSmall"
    assert stored(tmp_path) == []


def test_a_form_without_a_file_is_refused(api: Caller) -> None:
    ticket = api.ticket()
    form = {name: (None, value) for name, value in ticket["uploadFields"].items()}
    answer = requests.post(ticket["uploadUrl"], files=form, timeout=60)
    assert told(answer)[:2] == (400, "InvalidArgument")


def test_fields_behind_the_file_do_not_count(api: Caller, tmp_path: Path) -> None:
    ticket = api.ticket()
    form: list[tuple[str, Any]] = [(name, (None, value)) for name, value in ticket["uploadFields"].items()]
    file = ("file", ("context.tar.gz", b"content", "application/gzip"))
    last = requests.post(ticket["uploadUrl"], files=[*form, file, ("other", (None, "x" * 30_000))], timeout=60)
    assert last.status_code == 204
    first = requests.post(ticket["uploadUrl"], files=[file, *form], timeout=60)
    assert told(first)[:2] == (400, "InvalidArgument")
    assert stored(tmp_path) == [f"{hashlib.md5(b'content').hexdigest()}.tar.gz"]


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/gzip", b"x", 412, "PreconditionFailed"),
        ("", b"", 412, "PreconditionFailed"),
        ("multipart/form-data", b"x", 400, "MalformedPOSTRequest"),
        (f"multipart/form-data; boundary={'b' * 300}", b"x", 400, "MalformedPOSTRequest"),
        ("multipart/form-data; boundary=b", b"no form", 400, "MalformedPOSTRequest"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Type: x\r\n\r\nx\r\n--b--\r\n",
            400,
            "MalformedPOSTRequest",
        ),
    ],
)
def test_what_is_no_form_is_refused(api: Caller, content_type: str, body: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": content_type}
    answer = requests.post(api.ticket()["uploadUrl"], data=body, headers=headers, timeout=60)
    assert told(answer)[:2] == (status, code)


@pytest.mark.parametrize("announced", [None, 100_000])
def test_a_form_that_breaks_off_leaves_nothing(api: Caller, tmp_path: Path, announced: int | None) -> None:
    ticket = api.ticket()
    request = requests.Request(
        "POST", ticket["uploadUrl"], data=ticket["uploadFields"], files={"file": ("c", bytes(50_000))}
    ).prepare()
    body = request.body
    assert isinstance(body, bytes)
    body = body[:-1000]
    address = api.url.removeprefix("http://")
    head = (
        f"POST {request.path_url} HTTP/1.1\r\nHost: {address}\r\n"
        f"Content-Type: {request.headers['Content-Type']}\r\n"
        f"Content-Length: {announced or len(body)}\r\nConnection: close\r\n\r\n"
    )
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        if announced is None:  # the form ends too early, the request does not
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
            assert b"400" in answer.partition(b"\r\n")[0]
            assert b"MalformedPOSTRequest" in answer
        else:  # the connection breaks
            wait_for(lambda: stored(tmp_path), limit=10)
    wait_for(lambda: not stored(tmp_path), limit=10)


@pytest.mark.parametrize("refused", [False, True])
def test_a_request_without_end_is_not_read_for_ever(
    api: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    monkeypatch.setattr(storage, "DRAIN_LIMIT", 1024 * 1024)
    ticket = api.ticket()
    fields = ticket["uploadFields"] | ({"acl": "x"} if refused else {})
    request = requests.Request("POST", ticket["uploadUrl"], data=fields, files={"file": ("c", b"x")}).prepare()
    body = request.body
    assert isinstance(body, bytes)
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield body
        while True:
            assert sent < 200 * 1024 * 1024, "still read"
            sent += 65536
            yield bytes(65536)

    headers = {"Content-Type": request.headers["Content-Type"]}
    # Whether the answer is read, or the connection is seen to be cut, is up to the system.
    with suppress(requests.ConnectionError):
        answer = requests.post(ticket["uploadUrl"], data=endless(), headers=headers, timeout=60)
        assert told(answer)[1] == ("AccessDenied" if refused else "MaxMessageLengthExceeded")
    assert stored(tmp_path) == []


def test_the_storage_cannot_be_read(api: Caller) -> None:
    ticket = api.ticket()
    assert api.send(ticket, b"secret").status_code == 204
    key = ticket["uploadFields"]["key"]
    assert requests.get(f"{ticket['uploadUrl']}/{key}", timeout=60).status_code == 404
    assert requests.get(ticket["uploadUrl"], timeout=60).status_code == 405
