"""Pipecat Cloud's build API from Python: one method for each endpoint, no notebook needed."""

from pipecat_nb.client.api import Client
from pipecat_nb.client.transport import Retry

__all__ = ["Client", "Retry"]
