"""The life of a build: packed, looked up, uploaded, created, followed to its end. No notebook needed."""

from pipecat_nb.lifecycle.handle import BuildHandle
from pipecat_nb.lifecycle.stages import Stage
from pipecat_nb.lifecycle.workspace import Workspace, build, pack

__all__ = ["BuildHandle", "Stage", "Workspace", "build", "pack"]
