"""A build's log, as text, to its steps, its failing step and a known cause. Pure."""

from pipecat_nb.logs.causes import Cause, find_cause
from pipecat_nb.logs.excerpt import Excerpt, excerpt
from pipecat_nb.logs.steps import Log, Phase, Step, parse
from pipecat_nb.logs.transcript import Transcript

__all__ = ["Cause", "Excerpt", "Log", "Phase", "Step", "Transcript", "excerpt", "find_cause", "parse"]
