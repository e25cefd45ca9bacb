"""How fast an unchanged directory is known again, beside a bare `os.scandir` and `stat` of the same tree.

    python -m tests.benchmarks.unchanged DIRECTORY [--rounds 5]

Prints medians of the rounds, which take turns in one process after a first one that is not counted.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pipecat_nb import context
from pipecat_nb.context.statcache import StatCache


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()

    with tempfile.TemporaryDirectory() as cache:
        statcache = StatCache(Path(cache))

        def known() -> str:
            with context.pack(given.directory, statcache=statcache) as packed:
                return packed.hash

        first = _seconds(known)
        if not list(Path(cache).iterdir()):
            raise SystemExit("The directory was written to within the last two seconds: try again.")
        bare: list[float] = []
        ours: list[float] = []
        for _ in range(given.rounds + 1):
            bare.append(_seconds(lambda: _walk(given.directory)))
            ours.append(_seconds(known))
    of_bare, of_ours = statistics.median(bare[1:]), statistics.median(ours[1:])
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {given.rounds} rounds, medians")
    print(f"packed the first time  {first * 1000:8.1f} ms")
    print(f"known again            {of_ours * 1000:8.1f} ms")
    print(f"scandir and stat       {of_bare * 1000:8.1f} ms   ours {of_ours / of_bare:.2f} x")


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
