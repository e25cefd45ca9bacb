"""The agent at a shop's telephone: tells callers when the shop is open, the way a person would say it."""

from datetime import datetime, timedelta
from typing import Any

import humanize

GREETING = "Hello!"
OPENING_HOURS = (9, 18)


def reply(now: datetime) -> str:
    """What a caller hears at this moment."""
    opens, closes = (now.replace(hour=hour, minute=0, second=0, microsecond=0) for hour in OPENING_HOURS)
    if opens <= now < closes:
        return f"{GREETING} We are open for another {spoken(closes - now)}."
    if now >= closes:
        opens += timedelta(days=1)
    return f"{GREETING} We open again in {spoken(opens - now)}."


def spoken(duration: timedelta) -> str:
    """A duration in words: "2 hours and 15 minutes"."""
    return humanize.precisedelta(duration, minimum_unit="minutes", format="%d")


async def bot(args: Any) -> None:
    """Called by the base image for each session; a real agent runs its Pipecat pipeline here."""
    print(f"[session {args.session_id}] {reply(datetime.now())}")
