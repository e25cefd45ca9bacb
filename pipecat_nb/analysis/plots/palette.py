"""How a status looks: a colour of Okabe and Ito's, a hatch and a marker.

The colour-blind tell these colours apart; hatches and markers do it in black and white.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipecat_nb.models import BUILDING, FAILED, PENDING, SUCCESS, TIMEOUT


@dataclass(frozen=True)
class Look:
    """A colour, a hatch of bars, and a marker of points."""

    colour: str
    hatch: str
    marker: str


GREEN, VERMILION, PURPLE, BLUE, GREY = "#009E73", "#D55E00", "#CC79A7", "#0072B2", "#8A8A8A"

#: In the order in which they are stacked.
_STATUSES = {
    SUCCESS: Look(GREEN, "", "o"),
    FAILED: Look(VERMILION, "////", "X"),
    TIMEOUT: Look(PURPLE, "xxxx", "D"),
    BUILDING: Look(BLUE, "....", ">"),
    PENDING: Look(GREY, "----", "s"),
}
_OTHER = Look(GREY, "++++", "P")

#: What is said of a row without a status.
UNKNOWN = "unknown"


def look(status: str) -> Look:
    """How a status looks; those that the service does not have today look alike."""
    return _STATUSES.get(status, _OTHER)


def in_order(statuses: Iterable[str]) -> list[str]:
    """Statuses, each once, in the order in which they are stacked and named."""
    found = set(statuses)
    return [status for status in _STATUSES if status in found] + sorted(found - _STATUSES.keys())
