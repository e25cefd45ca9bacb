"""Pipecat Cloud builds in a notebook: `%load_ext pipecat_nb`, then `%pcbuild`; or these names from Python.

What a name needs is imported when the name is first used: importing this package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from pipecat_nb.analysis import frame, history
    from pipecat_nb.client import Client
    from pipecat_nb.context import BuildContext
    from pipecat_nb.errors import PipecatError
    from pipecat_nb.lifecycle import BuildHandle, build, pack
    from pipecat_nb.notebook.widgets import BuildCard, Panel

__all__ = [
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

_HOMES = {
    "BuildCard": "notebook.widgets",
    "BuildContext": "context",
    "BuildHandle": "lifecycle",
    "Client": "client",
    "PipecatError": "errors",
    "build": "lifecycle",
    "frame": "analysis",
    "history": "analysis",
    "pack": "lifecycle",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "load_ipython_extension", "unload_ipython_extension"])


def panel(directory: str = ".", *, client: "Client | None" = None) -> "Panel":
    """The panel: a form that begins with a directory, and the builds of the place that they go to.

    Without a client, one with the credentials at hand, or the local service. Raises a PipecatError.
    """
    from pipecat_nb.client import Client  # noqa: PLC0415
    from pipecat_nb.lifecycle import Workspace  # noqa: PLC0415
    from pipecat_nb.notebook.widgets import Panel  # noqa: PLC0415

    return Panel(Workspace(client or Client()), directory=directory)


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """`%load_ext pipecat_nb`: the `%pcbuild` magics."""
    from pipecat_nb import notebook  # noqa: PLC0415  IPython comes with it

    notebook.load(shell)


def unload_ipython_extension(shell: "InteractiveShell") -> None:
    """`%unload_ext pipecat_nb`: nothing of it stays."""
    from pipecat_nb import notebook  # noqa: PLC0415

    notebook.unload(shell)
