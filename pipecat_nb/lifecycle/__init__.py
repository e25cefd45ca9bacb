"""The life of a build: packed, looked up, uploaded, created, followed to its end. No notebook needed."""

from pipecat_nb.lifecycle.diagnosis import Diagnosis, diagnose
from pipecat_nb.lifecycle.explanation import Explanation, FileChange, Side, difference, why
from pipecat_nb.lifecycle.handle import BuildHandle
from pipecat_nb.lifecycle.progress import Progress
from pipecat_nb.lifecycle.stages import Stage
from pipecat_nb.lifecycle.workspace import Workspace, build, pack

__all__ = [
    "BuildHandle",
    "Diagnosis",
    "Explanation",
    "FileChange",
    "Progress",
    "Side",
    "Stage",
    "Workspace",
    "build",
    "diagnose",
    "difference",
    "pack",
    "why",
]
