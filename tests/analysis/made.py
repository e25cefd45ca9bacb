"""Builds for tests: as the service sends them, read by `frame`."""

from typing import Any

import pandas as pd

from pipecat_nb.analysis import frame


def build(number: int, /, **fields: Any) -> dict[str, Any]:
    """Build `b<number>`, created at that minute of an hour, queued for 10 s and built for 60; fields change it."""
    at = f"2026-02-20T12:{number:02}"
    whole: dict[str, Any] = {
        "id": f"b{number}",
        "status": "success",
        "region": "us-west",
        "createdAt": f"{at}:00Z",
        "startedAt": f"{at}:10Z",
        "completedAt": f"2026-02-20T12:{number + 1:02}:10Z",
        "buildDurationSeconds": 60,
        "contextSizeBytes": 10 * 1024**2,
        "imageSizeBytes": 500 * 1024**2,
    }
    return {key: value for key, value in (whole | fields).items() if value is not None}


def failure(number: int, /, message: str | None = None, **fields: Any) -> dict[str, Any]:
    """The same, failed, with a message."""
    return build(number, **{"status": "failed", "errorMessage": message, "imageSizeBytes": None} | fields)


def table(*builds: dict[str, Any], cached: dict[str, bool] | None = None) -> pd.DataFrame:
    """The frame of builds; `cached` is what the local record knows of some."""
    return frame(builds, record={id_: {"cached": value} for id_, value in (cached or {}).items()})
