"""The build context: a directory to a selection, an archive and a hash. No network."""

from pipecat_nb.context.encoder import IDENTICAL_LIMIT, EncoderChoice, EncoderName, choose
from pipecat_nb.context.explain import why
from pipecat_nb.context.manifest import ManifestEntry
from pipecat_nb.context.pack import BuildContext, pack
from pipecat_nb.context.secrets import Finding, refuse
from pipecat_nb.context.selection import Ignored, Member, Selection, select
from pipecat_nb.context.suspects import Suspect, suspects

__all__ = [
    "IDENTICAL_LIMIT",
    "BuildContext",
    "EncoderChoice",
    "EncoderName",
    "Finding",
    "Ignored",
    "ManifestEntry",
    "Member",
    "Selection",
    "Suspect",
    "choose",
    "pack",
    "refuse",
    "select",
    "suspects",
    "why",
]
