"""What loading the extension puts into IPython, and unloading takes out again."""

from typing import TYPE_CHECKING

from pipecat_nb.notebook.live import Cards, Lines, Screen
from pipecat_nb.notebook.magics import PipecatMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# By name: the class, and all that it needs, is imported when the first build is made.
_HANDLE = ("pipecat_nb.lifecycle.handle", "BuildHandle")


def load(shell: "InteractiveShell") -> None:
    """Add `%pcbuild`, and in a notebook the cards of builds."""
    live = hasattr(shell, "kernel")
    screen: Screen = Cards(lambda: shell.display_pub) if live else Lines()
    magics = PipecatMagics(shell, screen=screen)
    shell.register_magics(magics)
    if live:
        assert shell.display_formatter is not None
        shell.display_formatter.ipython_display_formatter.for_type_by_name(*_HANDLE, magics.show)


def unload(shell: "InteractiveShell") -> None:
    """Take all of it out again; builds go on, unwatched."""
    manager = shell.magics_manager
    magics = manager.registry.pop(PipecatMagics.__name__, None)
    if magics is None:
        return
    magics.close()
    manager.magics["line"].pop("pcbuild", None)
    shell.configurables.remove(magics)
    if shell.display_formatter is not None:
        shell.display_formatter.ipython_display_formatter.pop(".".join(_HANDLE), None)
