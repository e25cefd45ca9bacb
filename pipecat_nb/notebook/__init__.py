"""The `%pcbuild` magics and what they show."""

from pipecat_nb.notebook.extension import load, unload

__all__ = ["load", "unload"]
