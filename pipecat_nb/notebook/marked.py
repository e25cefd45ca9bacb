"""Messages with commands between backticks, as HTML. Pure."""

from html import escape


def marked(text: str) -> str:
    """A message as HTML: what stands between two backticks is code."""
    parts = text.split("`")
    return "".join(
        f"<code>{escape(part)}</code>" if number % 2 and number < len(parts) - 1 else f"<bdi>{escape(part)}</bdi>"
        for number, part in enumerate(parts)
        if part
    )
