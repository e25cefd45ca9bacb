"""How fast a directory is packed, beside the official client's packer and `tar | pigz -6`, in one run.

    python -m tests.benchmarks.packing DIRECTORY [--rounds 5]

Prints medians of the rounds, which take turns, the ratios to ours, the archives' sizes, and the peak memory that a
process of ours needs above a bare interpreter's, all imports included. Needs the test dependencies, tar and pigz.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_OURS = """
import pathlib, resource, sys, tempfile
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import hyperscan
from pipecat_nb import context
from pipecat_nb.context import archive, detectors, encoder, statcache
empty = statcache.StatCache(pathlib.Path(tempfile.mkdtemp(dir=sys.argv[2])))
with context.pack(sys.argv[1], encoder="parallel", statcache=empty) as packed:
    print(packed.archive_size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""

_OFFICIAL = """
import sys
from pipecatcloud._utils.build_utils import DEFAULT_EXCLUSIONS, create_deterministic_tarball
print(len(create_deterministic_tarball(sys.argv[1], DEFAULT_EXCLUSIONS).tarball))
"""

_INTERPRETERS = {
    "ours": "import hyperscan; from pipecat_nb.context import archive, detectors, encoder, statcache",
    "official": "from pipecatcloud._utils import build_utils",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()

    times: dict[str, list[float]] = {"ours": [], "official": [], "tar | pigz -6": []}
    starts: dict[str, list[float]] = {name: [] for name in _INTERPRETERS}
    sizes: dict[str, int] = {}
    peak = 0
    for _ in range(given.rounds):
        for name, code in _INTERPRETERS.items():
            starts[name].append(_python(code)[0])
        with tempfile.TemporaryDirectory() as caches:
            seconds, told = _python(_OURS, given.directory, Path(caches))
        times["ours"].append(seconds)
        sizes["ours"], above = map(int, told.split())
        peak = max(peak, above)
        seconds, told = _python(_OFFICIAL, given.directory)
        times["official"].append(seconds)
        sizes["official"] = int(told)
        seconds, sizes["tar | pigz -6"] = _pigz(given.directory)
        times["tar | pigz -6"].append(seconds)

    # What is compared is packing: the start of each interpreter with its imports was timed beside it.
    medians = {
        name: statistics.median(taken) - statistics.median(starts.get(name, [0.0]))
        for name, taken in times.items()
    }
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {given.rounds} rounds, medians")
    for name, median in medians.items():
        ratio, larger = median / medians["ours"], sizes["ours"] / sizes[name] - 1
        print(f"{name:<14} {median:7.2f} s  {ratio:5.1f} x ours  {sizes[name]:>12,} bytes  ours {larger:+.2%}")
    print(f"peak memory of ours above the interpreter's: {peak / 1024:.0f} MiB")


def _python(code: str, *arguments: Path) -> tuple[float, str]:
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - begun, done.stdout.decode()


def _pigz(directory: Path) -> tuple[float, int]:
    with tempfile.TemporaryFile() as out:
        begun = time.perf_counter()
        tar = subprocess.Popen(["tar", "-C", str(directory), "-cf", "-", "."], stdout=subprocess.PIPE)
        subprocess.run(["pigz", "-6"], stdin=tar.stdout, stdout=out, check=True)
        assert tar.stdout is not None
        tar.stdout.close()
        if tar.wait():
            raise SystemExit("tar failed")
        return time.perf_counter() - begun, os.fstat(out.fileno()).st_size


if __name__ == "__main__":
    main()
