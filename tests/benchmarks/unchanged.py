"""How fast an unchanged directory is known again, beside a bare `os.scandir` and `stat` of the same tree.

    python -m tests.benchmarks.unchanged DIRECTORY [--rounds 5]

Prints medians of the rounds, which take turns in one process after a first one that is not counted. The last row
is the whole of `build` where a server on this machine knows the directory's build.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pipecat_nb import context
from pipecat_nb.client import Client
from pipecat_nb.lifecycle import Workspace

from ..scripted import Answer, Scripted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        os.environ["PIPECAT_NB_STATE"] = state
        _compare(given.directory, rounds=given.rounds)


def _compare(directory: Path, *, rounds: int) -> None:
    def known() -> str:
        with context.pack(directory) as packed:
            return packed.hash

    first = _seconds(known)
    if not list(Path(os.environ["PIPECAT_NB_STATE"]).rglob("contexts/*")):
        raise SystemExit("The directory was written to within the last two seconds: try again.")
    server = Scripted()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    build = {"id": "123e4567-e89b-12d3-a456-426614174000", "status": "success", "contextHash": known()}
    server.answers = [Answer(body={"builds": [build], "total": 1, "limit": 20, "offset": 0})]
    workspace = Workspace(Client("key-of-a-benchmark", api_host=server.url))
    actions: dict[str, Callable[[], object]] = {
        "scandir and stat": lambda: _walk(directory),
        "known again": known,
        "known build": lambda: workspace.start(directory, region="us-west"),
    }
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds + 1):
        for name, action in actions.items():
            times[name].append(_seconds(action))
    medians = {name: statistics.median(taken[1:]) for name, taken in times.items()}
    server.shutdown()

    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {rounds} rounds, medians")
    print(f"packed the first time  {first * 1000:8.1f} ms")
    for name, median in medians.items():
        print(f"{name:<21}  {median * 1000:8.1f} ms  {median / medians['scandir and stat']:5.2f} x")
    print(f"requests for a known build: {len(server.asked) / (rounds + 1):g}")


def _walk(directory: Path) -> None:
    ahead = [str(directory)]
    while ahead:
        with os.scandir(ahead.pop()) as entries:
            for entry in entries:
                entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    ahead.append(entry.path)


def _seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
