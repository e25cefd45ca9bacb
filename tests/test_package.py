"""What the package shows to the outside, and what importing it costs."""

import subprocess
import sys

import pipecat_nb
from pipecat_nb import errors

HEAVY = (
    *("pandas", "numpy", "matplotlib", "requests", "ipywidgets", "anywidget", "starlette", "uvicorn", "sqlite3"),
    *("deflate", "hyperscan", "detect_secrets", "tqdm", "changeforest"),
)


#: Modules that `%load_ext` may import, all in all: a few more than it does.
MOST_MODULES = 45


def test_the_public_names() -> None:
    assert sorted(pipecat_nb.__all__) == [
        "BuildCard",
        "BuildContext",
        "BuildHandle",
        "Client",
        "PipecatError",
        "build",
        "frame",
        "history",
        "pack",
        "panel",
    ]
    for name in pipecat_nb.__all__:
        assert getattr(pipecat_nb, name).__doc__, name
        assert name in dir(pipecat_nb)


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def test_importing_is_light() -> None:
    loaded = modules_after("import pipecat_nb")
    assert not loaded & {*HEAVY, "IPython", "traitlets"}
    assert {name for name in loaded if name.startswith("pipecat_nb")} == {"pipecat_nb"}


def test_loading_the_extension_is_light() -> None:
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "before = set(__import__('sys').modules)\n"
        "shell.run_line_magic('load_ext', 'pipecat_nb')\n"
        "assert 'pcbuild' in shell.magics_manager.magics['line']\n"
        "loaded = set(__import__('sys').modules) - before\n"
        f"assert not loaded & set({HEAVY!r}), loaded\n"
        f"assert len(loaded) <= {MOST_MODULES}, loaded"
    )
    modules_after(code)


def test_the_tree_of_errors_is_the_one_drawn() -> None:
    """The drawing in the module's docstring names every class, under its parent."""
    drawn: list[tuple[str, str]] = []
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        words = line.replace("│", " ").replace("├──", "   ").replace("└──", "   ")
        if not words.strip() or words.startswith("Every"):
            continue
        depth = (len(words) - len(words.lstrip())) // 4
        path[depth:] = [words.split()[0]]
        drawn.append((path[depth], path[depth - 1] if depth else "Exception"))
    real = [
        (kind.__name__, kind.__bases__[0].__name__)
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PipecatError)
    ]
    assert sorted(drawn) == sorted(real)
