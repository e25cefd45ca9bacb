"""The client against answers that a hosted service gives on bad days."""

import hashlib
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipecat_nb.client import Client, Retry
from pipecat_nb.errors import (
    APIError,
    BadRequest,
    ConnectionFailed,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
    UploadError,
    UploadExpired,
    UploadTooLarge,
)
from pipecat_nb.models import UploadTicket

from ..scripted import Answer, Scripted

BUILD = {"id": "123e4567-e89b-12d3-a456-426614174000", "status": "pending", "region": "us-west"}
MakeClient = Callable[..., Client]


def page(*builds: dict[str, Any], total: int | None = None) -> Answer:
    return Answer(body={"builds": list(builds), "total": len(builds) if total is None else total})


def test_a_get_is_sent_again_after_passing_failures(
    scripted: Scripted, key_client: MakeClient, pauses: list[float]
) -> None:
    html = "<html><head><title>502 Bad Gateway</title></head></html>"
    scripted.answers = [Answer(502, html), Answer(cut=True), Answer(body={"build": BUILD})]
    assert key_client().get_build(BUILD["id"]).status == "pending"
    assert len(scripted.asked) == 3
    assert pauses == [0.5, 1.0]


def test_retry_after_is_kept(scripted: Scripted, key_client: MakeClient, pauses: list[float]) -> None:
    busy = Answer(429, {"error": "slow down", "code": "RATE"}, {"Retry-After": "7"})
    scripted.answers = [busy, Answer(body={"regions": [{"code": "mars", "display_name": "Mars"}]})]
    assert [region.code for region in key_client().regions()] == ["mars"]
    assert pauses == [7.0]


def test_a_retry_after_that_is_too_long_is_told(
    scripted: Scripted, key_client: MakeClient, pauses: list[float]
) -> None:
    scripted.answers = [Answer(429, {"error": "slow down", "code": "RATE"}, {"Retry-After": "3600"})]
    with pytest.raises(RateLimited, match="3600 s"):
        key_client().regions()
    assert pauses == []


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer(401, {"error": "Unauthorized", "code": "UNAUTHORIZED"}), Unauthorized, "Unauthorized"),
        (Answer(404, {"error": "Build not found", "code": "NOT_FOUND"}), NotFound, "Build not found"),
        (Answer(400, {"error": "Bad id", "code": "X"}), BadRequest, "Bad id"),
        (Answer(500, "<h1>Oops</h1> it broke"), ServerError, "Oops it broke"),
        (Answer(503, "<title>Down for work</title>"), ServerError, "Down for work"),
        (Answer(200, "<title>Please log in</title>"), ServerError, "Please log in"),
        (Answer(200, {"build": None}), ServerError, "not a build"),
    ],
)
def test_each_refusal_is_one_exception(
    scripted: Scripted, key_client: MakeClient, answer: Answer, kind: type[Exception], said: str
) -> None:
    scripted.answers = [answer]
    with pytest.raises(kind, match=said):
        key_client().get_build(BUILD["id"])


def test_a_service_that_is_down(key_client: MakeClient, scripted: Scripted) -> None:
    client = key_client()
    scripted.server_close()
    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        client.regions()


def test_the_token_is_sent_and_never_told(scripted: Scripted, key_client: MakeClient) -> None:
    token = "sk_live_very_secret"
    scripted.answers = [Answer(401, {"error": f"bad token {token}", "code": "UNAUTHORIZED"})]
    client = key_client(token)
    with pytest.raises(Unauthorized) as caught:
        client.regions()
    assert scripted.asked[0].headers["Authorization"] == f"Bearer {token}"
    assert scripted.asked[0].path == "/v1/regions"
    assert token not in str(caught.value) + repr(caught.value) + repr(client) + repr(client.target)


def test_a_personal_token_goes_to_its_first_organization(scripted: Scripted, key_client: MakeClient) -> None:
    scripted.answers = [Answer(body={"organizations": [{"name": "acme"}, {"name": "other"}]}), page(BUILD)]
    client = key_client("pcc_pat_abc")
    assert [build.id for build in client.list_builds()] == [BUILD["id"]]
    assert scripted.asked[1].path.startswith("/v1/organizations/acme/builds?")
    assert client.target.label == f"acme on {scripted.url.removeprefix('http://')}"


def test_all_pages_are_listed_once_each(scripted: Scripted, key_client: MakeClient) -> None:
    rows = [BUILD | {"id": f"build-{number}"} for number in range(150)]
    # A build was created between the two pages: the last row of the first comes again on the second.
    scripted.answers = [page(*rows[:100], total=150), page(*rows[99:], total=151)]
    assert [build.id for build in key_client().list_builds()] == [row["id"] for row in rows]
    assert "offset=100" in scripted.asked[1].path


def test_something_that_knows_no_offsets_is_not_asked_for_ever(scripted: Scripted, key_client: MakeClient) -> None:
    rows = [BUILD | {"id": f"build-{number}"} for number in range(100)]
    scripted.answers = [page(*rows, total=1000)]
    assert len(list(key_client().list_builds())) == 100
    assert len(scripted.asked) == 2


def test_small_pages_are_followed_to_the_total(scripted: Scripted, key_client: MakeClient) -> None:
    rows = [BUILD | {"id": f"build-{number}"} for number in range(3)]
    scripted.answers = [page(*rows[:2], total=3), page(*rows[2:], total=3)]
    assert [build.id for build in key_client().list_builds()] == ["build-0", "build-1", "build-2"]


@pytest.mark.parametrize("body", [{"build": {}}, {"build": {"id": "x"}}, {"build": {"status": "pending"}}])
def test_a_build_without_id_or_status_is_none(scripted: Scripted, key_client: MakeClient, body: Any) -> None:
    scripted.answers = [Answer(201, body)]
    with pytest.raises(ServerError, match="no id or no status"):
        key_client().create_build("upload", region="us-west")


@pytest.mark.parametrize("answer", [401, 200])
@pytest.mark.parametrize("form", ["json", "page"])
def test_a_token_that_the_service_repeats_is_not_told(
    scripted: Scripted, key_client: MakeClient, answer: int, form: str
) -> None:
    token = "sk_live_very_secret_0123456789"
    text = f"you sent {'x' * 180}{token} to us"
    body = {"error": text, "code": token} if form == "json" else f"<p>{text}</p>"
    scripted.answers = [Answer(answer, body)]
    with pytest.raises(APIError) as caught:
        key_client(token).get_build("x")
    assert "sk_live" not in f"{caught.value}{caught.value.code}"


def test_a_limit_asks_for_no_more(scripted: Scripted, key_client: MakeClient) -> None:
    scripted.answers = [page(*[BUILD | {"id": f"build-{number}"} for number in range(3)])]
    assert len(list(key_client().list_builds(limit=3, status="failed"))) == 3
    assert [asked.path for asked in scripted.asked] == ["/v1/builds?status=failed&limit=3&offset=0"]


def test_unknown_fields_and_statuses_are_kept(scripted: Scripted, key_client: MakeClient) -> None:
    scripted.answers = [Answer(body={"build": BUILD | {"status": "paused", "gpu": 1, "imageSizeBytes": "42"}})]
    build = key_client().get_build(BUILD["id"])
    assert (build.status, build.extra, build.image_size) == ("paused", {"gpu": 1}, 42)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "context.tar.gz"
    path.write_bytes(b"\x1f\x8b" + bytes(range(256)) * 40)
    return path


def ticket(scripted: Scripted, name: str = "upload-1") -> UploadTicket:
    fields = {"key": f"org/{name}", "Policy": "p"}
    return UploadTicket(
        upload_id=name, url=f"{scripted.url}/s3", fields=fields, region="us-west", issued_at=datetime.now(UTC)
    )


def upload_answer(scripted: Scripted, name: str) -> Answer:
    body = {"uploadId": name, "uploadUrl": f"{scripted.url}/s3", "uploadFields": {"key": f"org/{name}"}}
    return Answer(body=body)


EXPIRED = Answer(
    403, "<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message></Error>"
)


def test_the_upload_is_a_form_with_the_file_last(
    scripted: Scripted, key_client: MakeClient, archive: Path
) -> None:
    scripted.answers = [Answer(204, "")]
    told: list[tuple[int, int]] = []
    key_client().upload(ticket(scripted), archive, progress=lambda sent, total: told.append((sent, total)))
    asked = scripted.asked[0]
    assert "Authorization" not in asked.headers
    names = [part.split(b'"')[1] for part in asked.body.split(b"form-data; name=")[1:]]
    assert names == [b"key", b"Policy", b"Content-Type", b"file"]
    assert archive.read_bytes() in asked.body
    size = archive.stat().st_size
    assert told[-1] == (size, size)
    assert [sent for sent, _ in told] == sorted(sent for sent, _ in told)


def test_an_expired_upload_gets_a_fresh_permission(
    scripted: Scripted, key_client: MakeClient, archive: Path
) -> None:
    scripted.answers = [EXPIRED, upload_answer(scripted, "upload-2"), Answer(204, "")]
    assert key_client().upload(ticket(scripted), archive).upload_id == "upload-2"
    assert [asked.path for asked in scripted.asked] == ["/s3", "/v1/builds/upload-url", "/s3"]


def test_an_upload_that_expires_twice_is_an_error(
    scripted: Scripted, key_client: MakeClient, archive: Path
) -> None:
    scripted.answers = [EXPIRED, upload_answer(scripted, "upload-2"), EXPIRED]
    with pytest.raises(UploadExpired, match="15 minutes"):
        key_client().upload(ticket(scripted), archive)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer(400, "<Error><Code>EntityTooLarge</Code></Error>"), UploadTooLarge, "500 MB"),
        (
            Answer(403, "<Error><Code>SignatureDoesNotMatch</Code><Message>no match</Message></Error>"),
            UploadError,
            "SignatureDoesNotMatch: no match",
        ),
        (Answer(403, "<html>not XML of S3"), UploadError, "403 Forbidden"),
    ],
)
def test_what_the_storage_refuses(
    scripted: Scripted, key_client: MakeClient, archive: Path, answer: Answer, kind: type[Exception], said: str
) -> None:
    scripted.answers = [answer]
    with pytest.raises(kind, match=said):
        key_client().upload(ticket(scripted), archive)


def test_a_passing_failure_of_the_storage_is_tried_again(
    scripted: Scripted, key_client: MakeClient, archive: Path
) -> None:
    slow_down = Answer(503, "<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>")
    scripted.answers = [slow_down, Answer(cut=True), Answer(204, "")]
    key_client().upload(ticket(scripted), archive)
    assert len(scripted.asked) == 3
    assert all(archive.read_bytes() in asked.body for asked in (scripted.asked[0], scripted.asked[2]))


def created(scripted: Scripted, client: Client, archive: Path, *answers: Answer) -> Any:
    """Upload, then create a build while the service answers as given."""
    scripted.answers = [Answer(204, "")]
    used = client.upload(ticket(scripted), archive)
    scripted.asked.clear()
    scripted.answers = list(answers)
    return client.create_build(used.upload_id, region="us-west")


NEW = Answer(201, {"build": BUILD, "contextHash": "abc", "cached": False})


def test_a_build_is_created_again_where_the_rate_limit_refused_it(
    scripted: Scripted, key_client: MakeClient, archive: Path
) -> None:
    result = created(scripted, key_client(), archive, Answer(429, {"error": "slow down", "code": "RATE"}), NEW)
    assert (result.build.id, result.cached, result.context_hash) == (BUILD["id"], False, "abc")
    assert [asked.method for asked in scripted.asked] == ["POST", "POST"]


@pytest.mark.parametrize("lost", [Answer(cut=True), Answer(504, "<title>Gateway Time-out</title>")])
def test_a_build_whose_answer_was_lost_is_found_by_its_hash(
    scripted: Scripted, key_client: MakeClient, archive: Path, lost: Answer
) -> None:
    now = datetime.now(UTC) + timedelta(seconds=1)
    hashed = hashlib.md5(archive.read_bytes()).hexdigest()[:16]
    theirs = BUILD | {"contextHash": hashed, "createdAt": now.isoformat(), "dockerfilePath": "Dockerfile"}
    result = created(scripted, key_client(), archive, lost, page(theirs))
    assert result.build.id == BUILD["id"]
    assert [asked.method for asked in scripted.asked] == ["POST", "GET"]
    assert f"contextHash={hashed}" in scripted.asked[1].path


def test_a_lost_request_that_made_no_build_is_sent_again(
    scripted: Scripted, key_client: MakeClient, archive: Path
) -> None:
    old = BUILD | {"id": "old", "createdAt": "2020-01-01T00:00:00Z", "dockerfilePath": "Dockerfile"}
    result = created(scripted, key_client(), archive, Answer(502, "bad gateway"), page(old), NEW)
    assert result.build.id == BUILD["id"]
    assert [asked.method for asked in scripted.asked] == ["POST", "GET", "POST"]


def test_a_lost_request_of_an_unknown_upload_is_not_sent_again(scripted: Scripted, key_client: MakeClient) -> None:
    scripted.answers = [Answer(cut=True)]
    with pytest.raises(ConnectionFailed, match="may have been created"):
        key_client().create_build("uploaded-elsewhere", region="us-west")
    assert len(scripted.asked) == 1


def test_a_request_that_certainly_made_no_build_says_no_more_than_that(pauses: list[float]) -> None:
    with socket.socket() as nobody:  # bound and not listening: whoever connects is refused
        nobody.bind(("127.0.0.1", 0))
        client = Client(
            "key", api_host=f"http://127.0.0.1:{nobody.getsockname()[1]}", retry=Retry(sleep=pauses.append)
        )
        with pytest.raises(ConnectionFailed, match="cannot be reached") as caught:
            client.create_build("uploaded-elsewhere", region="us-west")
    assert "may have been created" not in str(caught.value)


def test_log_lines_may_be_objects(scripted: Scripted, key_client: MakeClient) -> None:
    scripted.answers = [Answer(body={"logs": ["one", {"message": "two"}], "nextToken": "t"})]
    page = key_client().build_logs(BUILD["id"], limit=2)
    assert (page.lines, page.next_token) == (("one", "two"), "t")


def test_the_default_region_is_the_organizations(scripted: Scripted, key_client: MakeClient) -> None:
    scripted.answers = [Answer(body={"properties": {"defaultRegion": "eu-central"}})]
    assert key_client().default_region() == "eu-central"
