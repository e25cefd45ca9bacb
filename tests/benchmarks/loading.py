"""How long `%load_ext pipecat_nb` takes in a running IPython, beside other extensions with magics.

    python -m tests.benchmarks.loading [EXTENSION …] [--rounds 9]

Each extension is loaded in a new IPython, in turns; prints medians and the modules that each imports. By default
beside IPython's own `autoreload`; of the named others, such as `sql` (JupySQL) or `bigquery_magics`, those that
are installed.
"""

import argparse
import json
import statistics
import subprocess
import sys

_LOAD = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
shell.run_cell("1 + 1", silent=True)
before = set(sys.modules)
begun = time.perf_counter()
failed = shell.extension_manager.load_extension(sys.argv[1])
print(json.dumps([time.perf_counter() - begun, len(set(sys.modules) - before), failed]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("extensions", nargs="*", default=["autoreload"])
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    taken: dict[str, list[float]] = {name: [] for name in ["pipecat_nb", *given.extensions]}
    modules: dict[str, int] = {}
    for _ in range(given.rounds):
        for name in [*taken]:
            done = subprocess.run(
                [sys.executable, "-c", _LOAD, name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
            )
            if done.returncode:
                print(f"{name} cannot be loaded here")
                del taken[name]
                continue
            seconds, modules[name], _ = json.loads(done.stdout.splitlines()[-1])
            taken[name].append(seconds)
    ours = statistics.median(taken["pipecat_nb"])
    print(f"Python {sys.version.split()[0]}, {given.rounds} rounds, medians")
    for name, each in taken.items():
        median = statistics.median(each)
        print(f"{name:<18} {1000 * median:7.1f} ms  {median / ours:5.1f} x ours  {modules[name]:5} modules")


if __name__ == "__main__":
    main()
