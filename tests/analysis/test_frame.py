"""Builds as a DataFrame: the same columns and dtypes whatever comes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipecat_nb.analysis import frame
from pipecat_nb.models import Build, Secret
from pipecat_nb.settings import Target

DTYPES = {
    "status": "category",
    "region": "string",
    "dockerfile_path": "string",
    "context_hash": "string",
    "created_at": "datetime64[us, UTC]",
    "started_at": "datetime64[us, UTC]",
    "completed_at": "datetime64[us, UTC]",
    "updated_at": "datetime64[us, UTC]",
    "queue_time": "timedelta64[us]",
    "build_time": "timedelta64[us]",
    "context_size": "Int64",
    "image_size": "Int64",
    "image_uri": "string",
    "logs_url": "string",
    "error_message": "string",
    "repository": "string",
    "ref": "string",
    "commit": "string",
    "cached": "boolean",
    "directory": "string",
    "note": "string",
    "git_commit": "string",
    "git_branch": "string",
    "git_dirty": "boolean",
    "pack_time": "timedelta64[us]",
    "upload_time": "timedelta64[us]",
    "files": "Int64",
    "target": "string",
}

BUILD: dict[str, Any] = {
    "id": "123e4567-e89b-12d3-a456-426614174000",
    "organizationId": "org_abc123",
    "status": "success",
    "region": "us-west",
    "contextHash": "a1b2c3d4e5f6a7b8",
    "dockerfilePath": "Dockerfile",
    "imageUri": "registry/acme:a1b2",
    "contextSizeBytes": "10485760",
    "imageSizeBytes": 524288000,
    "buildDurationSeconds": 120,
    "createdAt": "2026-02-20T11:59:50.000Z",
    "startedAt": "2026-02-20T12:00:00.000Z",
    "completedAt": "2026-02-20T12:02:01.000Z",
    "updatedAt": "2026-02-20T12:02:01.000Z",
}


def dtypes(table: pd.DataFrame) -> dict[str, str]:
    return {str(column): str(dtype) for column, dtype in table.dtypes.items()}


@pytest.mark.parametrize("rows", [[], [BUILD], [Build.from_json(BUILD)], [{}], [None, 7, "x", []]])
def test_columns_and_dtypes_are_fixed(rows: list[Any]) -> None:
    table = frame(rows)
    assert dtypes(table) == DTYPES
    assert list(table.columns) == list(DTYPES)
    assert (table.index.name, str(table.index.dtype)) == ("id", "string")
    assert len(table) == len(rows)
    assert list(table["status"].cat.categories) == ["pending", "building", "success", "failed", "timeout"]
    assert table["status"].cat.ordered


@pytest.mark.parametrize("row", [BUILD, Build.from_json(BUILD)])
def test_values(row: Any) -> None:
    table = frame([row])
    build = table.loc[BUILD["id"]]
    assert build["status"] == "success"
    assert (build["context_size"], build["image_size"]) == (10_485_760, 524_288_000)
    assert build["created_at"] == pd.Timestamp("2026-02-20 11:59:50", tz="UTC")
    assert build["queue_time"] == pd.Timedelta(seconds=10)
    assert build["build_time"] == pd.Timedelta(seconds=120)  # the service's own figure, not the difference
    assert pd.isna(build["error_message"])
    assert table.attrs["flawed"] == 0


def test_the_build_time_is_measured_where_the_service_gives_none() -> None:
    row = {key: value for key, value in BUILD.items() if key != "buildDurationSeconds"}
    assert frame([row])["build_time"].iloc[0] == pd.Timedelta(seconds=121)


def test_the_local_record_joins_by_id() -> None:
    record = {
        BUILD["id"]: {
            "cached": True,
            "directory": "/home/me/agent",
            "name": "agent",  # of the record, but no column
            "note": "uv",
            "git_commit": "abc",
            "git_branch": None,
            "git_dirty": False,
            "pack_time": 0.25,
            "upload_time": None,
            "files": 12,
        }
    }
    other = BUILD | {"id": "other"}
    table = frame([BUILD, other], record=record)
    assert dtypes(table) == DTYPES
    build = table.loc[BUILD["id"]]
    assert (build["cached"], build["git_dirty"], build["files"], build["note"]) == (True, False, 12, "uv")
    assert build["pack_time"] == pd.Timedelta(milliseconds=250)
    assert pd.isna(build["upload_time"])
    assert table.loc["other"][["cached", "directory", "files"]].isna().all()


def test_fields_of_the_future_come_last_under_their_own_names() -> None:
    table = frame([BUILD | {"priority": 3, "note": "theirs"}, BUILD | {"id": "b", "labels": ["x"]}])
    assert list(table.columns[len(DTYPES) :]) == ["priority", "service_note", "labels"]
    assert table["priority"].tolist() == [3, None]
    assert table["service_note"].iloc[0] == "theirs"
    assert table["note"].isna().all()


NONSENSE: list[Any] = [
    {"status": "success"},  # no id
    BUILD | {"id": "times", "createdAt": "now", "startedAt": 12, "completedAt": {}, "updatedAt": "2026-99-99"},
    BUILD | {"id": "far", "createdAt": "0001-01-01T00:00:00+14:00", "completedAt": "9999-12-31T23:59:59Z"},
    BUILD | {"id": "sizes", "contextSizeBytes": "big", "imageSizeBytes": -1},
    BUILD | {"id": "huge", "contextSizeBytes": 10**30, "imageSizeBytes": float("inf")},
    BUILD | {"id": "seconds", "buildDurationSeconds": {"a": 1}, "startedAt": None},
    BUILD | {"id": "backwards", "completedAt": "2026-02-20T11:00:00Z", "buildDurationSeconds": None},
    BUILD | {"id": "status", "status": None},
    {"id": ["a"], "status": {"b": 1}, "region": 5},
    None,
]


def test_nonsense_is_kept_marked_missing_and_counted() -> None:
    table = frame([BUILD, *NONSENSE])
    assert dtypes(table) == DTYPES
    assert len(table) == len(NONSENSE) + 1
    assert table.attrs["flawed"] == len(NONSENSE) - 1  # strange texts can be kept as texts
    assert list(table.index.isna()).count(True) == 2
    assert table.loc["times"][["created_at", "started_at", "completed_at", "updated_at"]].isna().all()
    assert table.loc[["sizes", "huge"]][["context_size", "image_size"]].isna().all(axis=None)
    assert table.loc[["seconds", "backwards"]]["build_time"].isna().all()
    assert table.loc["backwards"]["queue_time"] == pd.Timedelta(seconds=10)


def test_a_status_that_is_not_known_today_is_kept_after_the_others() -> None:
    table = frame([BUILD, BUILD | {"id": "b", "status": "archived"}])
    assert table["status"].tolist() == ["success", "archived"]
    assert list(table["status"].cat.categories)[-1] == "archived"
    assert table["status"].max() == "archived"
    assert table.attrs["flawed"] == 0


def test_attrs_say_where_from_and_when() -> None:
    target = Target(kind="token", api_host="https://host", org="acme", token=Secret("hidden"))
    table = frame([BUILD], target=target, fetched_at=datetime(2026, 3, 1, tzinfo=UTC))
    assert table.attrs == {
        "target": "acme on host",
        "organization": "acme",
        "fetched_at": "2026-03-01T00:00:00.000Z",
        "flawed": 0,
    }
    assert table["target"].tolist() == ["acme on host"]
    assert json.dumps(table.attrs)


def test_it_goes_to_csv_and_back(tmp_path: Path) -> None:
    path = tmp_path / "builds.csv"
    frame([BUILD]).to_csv(path)
    assert pd.read_csv(path)["id"].tolist() == [BUILD["id"]]
