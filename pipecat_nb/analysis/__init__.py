"""Builds as pandas DataFrames, with the same columns and dtypes whatever the service answers."""

from pipecat_nb.analysis.builds import frame
from pipecat_nb.analysis.search import history
from pipecat_nb.analysis.steps import steps_frame

__all__ = ["frame", "history", "steps_frame"]
