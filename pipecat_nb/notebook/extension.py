"""What loading the extension puts into IPython, and unloading takes out again."""

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipecat_nb.notebook.completion import matcher
from pipecat_nb.notebook.live import Cards, Lines, Screen
from pipecat_nb.notebook.magics import PipecatMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# By name: the classes, and all that they need, are imported when they are first used.
_HANDLE = ("pipecat_nb.lifecycle.handle", "BuildHandle")
_PAGES = {
    ("pipecat_nb.context.pack", "BuildContext"): "preview",
    ("pipecat_nb.lifecycle.explanation", "Explanation"): "difference",
    ("pipecat_nb.analysis.buildframe", "BuildFrame"): "history",
}


def _page(module: str) -> Callable[[Any], str | None]:
    """What makes the page of an object: `html` of a module that is imported when the first one is shown."""

    def page(shown: Any) -> str | None:
        html: str | None = import_module(f"pipecat_nb.notebook.{module}").html(shown)
        return html

    return page


def _is_attended(shell: "InteractiveShell") -> bool:
    """Whether somebody may sit before the cell that runs.

    papermill, nbclient and `jupyter execute` can be asked nothing, and would save a live card's scripts in the
    notebook. So says Voilà, whose pages people look at.
    """
    asked = shell.kernel.get_parent("shell").get("content", {})  # type: ignore[attr-defined]
    return bool(asked.get("allow_stdin")) or os.environ.get("SERVER_SOFTWARE", "").startswith("voila")


def load(shell: "InteractiveShell") -> None:
    """Add `%pcbuild`, and in a notebook the cards of builds and the pages of contexts and comparisons."""
    live = hasattr(shell, "kernel")
    screen: Screen = Cards(lambda: shell.display_pub, attended=lambda: _is_attended(shell)) if live else Lines()
    magics = PipecatMagics(shell, screen=screen)
    shell.register_magics(magics)
    magics.matcher = matcher(magics.known)
    shell.Completer.custom_matchers.append(magics.matcher)
    if live:
        assert shell.display_formatter is not None
        shell.display_formatter.ipython_display_formatter.for_type_by_name(*_HANDLE, magics.show)
        for kind, module in _PAGES.items():
            shell.display_formatter.formatters["text/html"].for_type_by_name(*kind, _page(module))


def unload(shell: "InteractiveShell") -> None:
    """Take all of it out again; builds go on, unwatched."""
    manager = shell.magics_manager
    magics = manager.registry.pop(PipecatMagics.__name__, None)
    if magics is None:
        return
    magics.close()
    for table in manager.magics.values():
        table.pop("pcbuild", None)
    shell.configurables.remove(magics)
    shell.Completer.custom_matchers.remove(magics.matcher)
    if shell.display_formatter is not None:
        shell.display_formatter.ipython_display_formatter.pop(".".join(_HANDLE), None)
        for kind in _PAGES:
            shell.display_formatter.formatters["text/html"].pop(".".join(kind), None)
