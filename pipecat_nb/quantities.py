"""Sizes, durations and counts as people read them. Pure."""


def size(count: int) -> str:
    """Bytes in the unit that fits, 1024 to a step as in the service's limit of 500 MB."""
    if count < 1024:
        return f"{count} B"
    value, unit = count / 1024, "kB"
    for larger in ("MB", "GB"):
        if value < 999.5:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def duration(seconds: float) -> str:
    """Seconds with a tenth below ten, then whole ones, then minutes and hours."""
    if seconds < 0.05:
        return "<0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def ago(seconds: float) -> str:
    """How long ago something was, in the one unit that fits; what is yet to come is now."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now" if seconds < 10 else f"{seconds:.0f} s ago"
