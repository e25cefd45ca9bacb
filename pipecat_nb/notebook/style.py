"""The style sheet of all that is shown in a notebook."""

from functools import cache
from importlib.resources import files


@cache
def style() -> str:
    """The text of style.css; it goes with each output: a saved notebook has nothing else to take it from."""
    return files("pipecat_nb.notebook").joinpath("style.css").read_text(encoding="utf-8")
