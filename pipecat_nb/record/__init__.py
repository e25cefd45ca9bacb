"""What the server cannot know of the builds started on this machine, kept here."""

from pipecat_nb.record.contexts import Contexts
from pipecat_nb.record.git import Commit, commit_of
from pipecat_nb.record.past import Listed, Past
from pipecat_nb.record.starts import Kept, Record, Start

__all__ = ["Commit", "Contexts", "Kept", "Listed", "Past", "Record", "Start", "commit_of"]
