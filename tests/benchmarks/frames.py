"""How fast and how large `frame` makes a DataFrame of builds, beside `pandas.json_normalize` with the same dtypes.

    python -m tests.benchmarks.frames [--builds 100000] [--rounds 5]

Prints medians of the rounds, which take turns, and the peak memory of each above that of the builds themselves.
"""

import argparse
import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pandas as pd

from pipecat_nb.analysis import frame

_NAMES = {
    "status": "status",
    "region": "region",
    "dockerfilePath": "dockerfile_path",
    "contextHash": "context_hash",
    "createdAt": "created_at",
    "startedAt": "started_at",
    "completedAt": "completed_at",
    "updatedAt": "updated_at",
    "buildDurationSeconds": "build_time",
    "contextSizeBytes": "context_size",
    "imageSizeBytes": "image_size",
    "imageUri": "image_uri",
    "errorMessage": "error_message",
}


def builds(count: int) -> list[dict[str, Any]]:
    """Builds as the service gives them: every twentieth failed, sizes as numbers or as text."""
    made = []
    for number in range(count):
        failed = number % 20 == 0
        minute, second = divmod(number, 60)
        hour, minute = divmod(minute, 60)
        day, hour = divmod(hour, 24)
        at = f"2026-{1 + day // 28 % 12:02}-{1 + day % 28:02}T{hour:02}:{minute:02}:{second:02}"
        made.append(
            {
                "id": f"{number:08x}-0000-4000-8000-000000000000",
                "organizationId": "acme",
                "status": "failed" if failed else "success",
                "region": ("us-west", "eu-central")[number % 2],
                "dockerfilePath": "Dockerfile",
                "contextHash": f"{number * 2654435761 % 2**64:016x}",
                "createdAt": f"{at}.000Z",
                "startedAt": f"{at}.250Z",
                "completedAt": f"{at}.750Z",
                "updatedAt": f"{at}.750Z",
                "buildDurationSeconds": number % 300,
                "contextSizeBytes": str(number * 1000),
                "imageSizeBytes": None if failed else 200_000_000 + number,
                "imageUri": None if failed else f"registry/acme:{number:016x}",
                "errorMessage": "exit status 1" if failed else None,
            }
        )
    return made


def normalized(rows: list[dict[str, Any]], dtypes: "pd.Series[Any]") -> pd.DataFrame:
    """The same columns by pandas alone, with these dtypes."""
    table = pd.json_normalize(rows).set_index("id").drop(columns="organizationId").rename(columns=_NAMES)
    for name, dtype in dtypes.items():
        if name not in table:
            table[name] = pd.Series(index=table.index, dtype=dtype)
        elif str(dtype).startswith("datetime"):
            table[name] = pd.to_datetime(table[name], utc=True, format="ISO8601").astype(dtype)
        elif str(dtype).startswith("timedelta"):
            table[name] = pd.to_timedelta(table[name], unit="s").astype(dtype)
        elif str(dtype) == "Int64":
            table[name] = pd.to_numeric(table[name]).astype(dtype)
        else:
            table[name] = table[name].astype(dtype)
    table["queue_time"] = table["started_at"] - table["created_at"]
    table.index = table.index.astype("string")
    return table[list(dtypes.index)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--builds", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    rows = builds(given.builds)
    dtypes = frame(rows[:100]).dtypes
    ways: dict[str, Callable[[list[dict[str, Any]]], pd.DataFrame]] = {
        "frame": frame,
        "json_normalize": lambda rows: normalized(rows, dtypes),
    }
    pd.testing.assert_frame_equal(frame(rows), normalized(rows, dtypes))
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given.rounds):
        for name, make in ways.items():
            gc.collect()
            begun = time.perf_counter()
            make(rows)
            taken[name].append(time.perf_counter() - begun)
    print(f"{given.builds:,} builds, {given.rounds} rounds, medians")
    ours = statistics.median(taken["frame"])
    for name, make in ways.items():
        gc.collect()
        tracemalloc.start()
        table = make(rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        median = statistics.median(taken[name])
        held = table.memory_usage(deep=True).sum()
        print(
            f"{name:<15} {median:6.2f} s  {median / ours:5.1f} x ours  peak {peak / 2**20:6.0f} MiB  "
            f"holds {held / 2**20:6.0f} MiB  {len(table.columns)} columns"
        )


if __name__ == "__main__":
    main()
