"""Builds as pandas DataFrames, with the same columns and dtypes whatever the service answers.

Importing this gives every such frame `df.builds`: what it tells.
"""

from pipecat_nb.analysis.accessor import Builds, Plot
from pipecat_nb.analysis.builds import frame
from pipecat_nb.analysis.search import history
from pipecat_nb.analysis.steps import steps_frame

__all__ = ["Builds", "Plot", "frame", "history", "steps_frame"]
