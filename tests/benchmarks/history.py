"""What the history of many builds costs: the first time, again, and what the bare requests for it take.

    python -m tests.benchmarks.history [--builds 10000] [--times 5]

A local service is started on a directory of its own, whose store is filled with builds that have ended. The ways
take turns; each figure is the median of all in brackets.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import requests

from pipecat_nb import history, local, paths
from pipecat_nb.client import Client
from pipecat_nb.models import FAILED, PENDING, SUCCESS, Build
from pipecat_nb.service.store import Store

from ..conftest import stop_service


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--builds", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        os.environ["PIPECAT_NB_STATE"] = directory
        for name in [*os.environ]:
            if name.startswith(("PIPECAT_", "PCC_")) and name != "PIPECAT_NB_STATE":
                del os.environ[name]
        os.environ["PIPECAT_CONFIG_PATH"] = str(Path(directory) / "login.toml")
        paths.service_dir().mkdir()
        fill(paths.service_dir() / "service.db", given.builds)
        service = local.find_or_start()
        try:
            compare(service, given.builds, given.times)
        finally:
            stop_service(paths.service_dir())


def fill(database: Path, count: int) -> None:
    """Builds that have ended, one an hour, the last one now."""
    begin = datetime.now(UTC) - timedelta(hours=count)
    with closing(Store(database)) as store:
        for number in range(count):
            created = begin + timedelta(hours=number)
            started, ended = created + timedelta(seconds=9), created + timedelta(seconds=100 + number % 60)
            build = Build(
                id=str(uuid4()),
                status=PENDING,
                region=("us-west", "us-east")[number % 2],
                context_hash=f"{number // 3:016x}",
                dockerfile_path="Dockerfile",
                context_size=10_000 + number,
                created_at=created,
                updated_at=created,
                organization_id="local",
            )
            store.add_build(build, context_md5=f"{number // 3:032x}")
            store.change_build(
                build.id,
                expected=PENDING,
                status=FAILED if number % 7 == 0 else SUCCESS,
                started_at=started,
                completed_at=ended,
                updated_at=ended,
                build_seconds=int((ended - started).total_seconds()),
                image_uri=f"localhost/agent:{number:016x}",
                image_size=500_000_000 + number,
            )


def bare(service: local.LocalService, count: int) -> None:
    """All pages, four requests at a time, and nothing done with them."""
    here = threading.local()

    def get(offset: int) -> None:
        if not hasattr(here, "session"):
            here.session = requests.Session()
            here.session.trust_env = False
            here.session.headers["Authorization"] = f"Bearer {service.token.reveal()}"
        here.session.get(f"{service.url}/v1/builds", params={"limit": 100, "offset": offset}, timeout=60)

    with ThreadPoolExecutor(4) as threads:
        deque(threads.map(get, range(0, count, 100)), maxlen=0)


class Counting(Client):
    """Counts its requests."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        call = self._transport.call

        def counted(*arguments: object, **options: object) -> requests.Response:
            self.asked += 1
            return call(*arguments, **options)  # type: ignore[arg-type]

        self._transport.call = counted  # type: ignore[method-assign, assignment]


def compare(service: local.LocalService, count: int, times: int) -> None:
    asked: dict[str, int] = {}

    def whole(name: str, *, refresh: bool) -> None:
        client = Counting()
        assert len(history(client=client, refresh=refresh)) == count
        asked[name] = client.asked

    ways: dict[str, Callable[[], None]] = {
        "bare requests, 4 at a time": lambda: bare(service, count),
        "history, all fetched": lambda: whole("history, all fetched", refresh=True),
        "history, nothing kept": lambda: whole("history, nothing kept", refresh=False),
        "history again": lambda: whole("history again", refresh=False),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    history(limit=1)  # pandas is imported, the service awake
    for _ in range(times):
        for name, way in ways.items():
            if name == "history, nothing kept":
                for file in Path(os.environ["PIPECAT_NB_STATE"]).glob("record.sqlite3*"):
                    file.unlink()
            begun = time.perf_counter()
            way()
            took[name].append(time.perf_counter() - begun)
    least = statistics.median(took["bare requests, 4 at a time"])
    print(f"{count:,} builds")
    for name, each in took.items():
        median = statistics.median(each)
        requests_made = f"{asked[name]:4} requests" if name in asked else " " * 13
        seconds = ", ".join(f"{one:.2f}" for one in sorted(each))
        print(f"{name:<28}{median:7.3f} s {median / least:6.2f} times the bare {requests_made}  ({seconds})")


if __name__ == "__main__":
    main()
