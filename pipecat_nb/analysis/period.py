"""The moments that people mean by `7d`, `2026-02-20` or a datetime."""

import re
from datetime import date, datetime, time, timedelta

from pipecat_nb.errors import InvalidFilter

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

#: What a beginning or an end of a period may be.
Moment = str | date | datetime


def moment(value: Moment, *, now: datetime, end: bool = False) -> datetime:
    """The aware datetime meant by so long ago (`30m`, `36h`, `7d`, `2w`), a date, or a date and time.

    What has no time zone is local time. A day means its beginning, or with `end` its end. Raises InvalidFilter.
    """
    try:
        if isinstance(value, datetime):
            return value.astimezone()
        if isinstance(value, date):
            return _of_day(value, end=end)
        return _of_text(value.strip(), now=now, end=end)
    except (ValueError, OverflowError, OSError, AttributeError):
        raise InvalidFilter(
            f"{value!r} is no time.",
            hint="Times are 7d, 36h or 30m (so long ago), 2026-02-20, 2026-02-20T14:30 or a datetime; "
            "without a time zone they are local.",
        ) from None


def _of_text(text: str, *, now: datetime, end: bool) -> datetime:
    if ago := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhdw])", text):
        return now - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return _of_day(date.fromisoformat(text), end=end)
    return datetime.fromisoformat(text).astimezone()


def _of_day(day: date, *, end: bool) -> datetime:
    return datetime.combine(day, time.max if end else time.min).astimezone()
