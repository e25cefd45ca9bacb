"""The agent at a shop's telephone: tells callers how long the shop stays open, the way a person would say it."""

from datetime import datetime, time
from typing import Any

import humanize

GREETING = "Hello!"
CLOSING_TIME = time(18, 0)


def reply(now: datetime) -> str:
    """What a caller hears at this moment."""
    left = datetime.combine(now, CLOSING_TIME) - now
    if left.total_seconds() <= 0:
        return f"{GREETING} We are closed for today."
    spoken = humanize.precisedelta(left, minimum_unit="minutes", format="%d")
    return f"{GREETING} We are open for another {spoken}."


async def bot(args: Any) -> None:
    """Called by the base image for each session; a real agent runs its Pipecat pipeline here."""
    print(f"[session {args.session_id}] {reply(datetime.now())}")
