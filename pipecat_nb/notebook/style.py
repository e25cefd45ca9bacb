"""The style sheet of all that is shown in a notebook."""

from functools import cache
from importlib.resources import files

#: The classes of all that is shown: the style sheet's, and those that keep front ends from reading what stands
#: between two dollar signs of a command as a formula.
CLASSES = "pcb tex2jax_ignore mathjax_ignore"


@cache
def style() -> str:
    """The text of style.css; it goes with each output: a saved notebook has nothing else to take it from."""
    return files("pipecat_nb.notebook").joinpath("style.css").read_text(encoding="utf-8")
