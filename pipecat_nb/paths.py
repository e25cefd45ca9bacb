"""Where this package keeps its files on this machine."""

import os
from pathlib import Path

import platformdirs

#: Beside the local service's database: how to reach the one that runs, readable by its owner only.
SERVICE_FILE = "service.json"


def state_dir() -> Path:
    """The directory of what must not be lost (`PIPECAT_NB_STATE` overrides): builds, images' names, the record."""
    override = os.environ.get("PIPECAT_NB_STATE")
    return Path(override) if override else Path(platformdirs.user_state_dir("pipecat_nb", appauthor=False))


def cache_dir() -> Path:
    """The directory of what can be made again; within that of the state where `PIPECAT_NB_STATE` names one."""
    if os.environ.get("PIPECAT_NB_STATE"):
        return state_dir() / "cache"
    return Path(platformdirs.user_cache_dir("pipecat_nb", appauthor=False))


def service_dir() -> Path:
    """The local service's directory when none is named."""
    return state_dir() / "service"
