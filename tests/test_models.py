"""The service's JSON to Python and back, with nothing lost."""

import pickle
from datetime import UTC, datetime

import pytest

from pipecat_nb.models import Build, Secret, UploadTicket, parse_int, parse_time

FULL = {
    "id": "123e4567-e89b-12d3-a456-426614174000",
    "organizationId": "org_abc123",
    "status": "success",
    "region": "us-west",
    "contextHash": "a1b2c3d4e5f6a7b8",
    "dockerfilePath": "Dockerfile",
    "imageUri": "registry/pipecat-cloud/org_abc123:a1b2c3d4e5f6a7b8",
    "logsUrl": "https://console/logs",
    "errorMessage": "none",
    "contextSizeBytes": 10485760,
    "imageSizeBytes": 524288000,
    "buildDurationSeconds": 120,
    "startedAt": "2026-02-20T12:00:00.000Z",
    "completedAt": "2026-02-20T12:02:00.000Z",
    "createdAt": "2026-02-20T12:00:00.000Z",
    "updatedAt": "2026-02-20T12:02:00.000Z",
    "repoFullName": "acme/agent",
    "ref": "refs/heads/main",
    "commitSha": "abc",
}


def test_a_build_goes_there_and_back() -> None:
    sent = FULL | {"somethingNew": {"a": [1]}}
    build = Build.from_json(sent)
    assert build.to_json() == sent
    assert build.final
    assert build.created_at == datetime(2026, 2, 20, 12, tzinfo=UTC)


def test_sizes_may_be_texts_and_nonsense_is_missing() -> None:
    build = Build.from_json({"contextSizeBytes": "77", "imageSizeBytes": "many", "createdAt": "yesterday"})
    assert (build.id, build.status, build.context_size, build.image_size) == ("", "", 77, None)
    assert build.created_at is None


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3), ("3", 3), (3.9, 3), (True, None), (None, None), (float("inf"), None), ("x", None)],
)
def test_whole_numbers(value: object, number: int | None) -> None:
    assert parse_int(value) == number


def test_times_are_in_utc() -> None:
    assert parse_time("2026-02-20T13:00:00+01:00") == datetime(2026, 2, 20, 12, tzinfo=UTC)
    assert parse_time("2026-02-20T12:00:00") == datetime(2026, 2, 20, 12, tzinfo=UTC)


def test_a_secret_is_never_shown_nor_written() -> None:
    secret = Secret("hunter2")
    shown = f"{secret} {secret!r} {secret!s} {secret:>10} {[secret]} {vars(type(secret))}"
    assert "hunter2" not in shown
    assert "•••" in shown
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    with pytest.raises(TypeError, match="never written"):
        pickle.dumps(secret)


def test_the_fields_of_an_upload_are_not_shown() -> None:
    ticket = UploadTicket.from_json(
        {"uploadId": "u", "uploadUrl": "http://s3", "uploadFields": {"X-Amz-Signature": "hunter2"}},
        region="us-west",
    )
    assert "hunter2" not in repr(ticket)
