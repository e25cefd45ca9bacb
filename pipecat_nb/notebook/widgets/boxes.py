"""Boxes that a style sheet lays out, and the end of all that is in one."""

from collections.abc import Iterator

import ipywidgets


def box(name: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    """A box that the style sheet knows by a name."""
    made = ipywidgets.Box([*children])
    made.add_class(name)
    return made


def close_all_of(widget: ipywidgets.Widget) -> None:
    """Close a widget and all in it: a box closes neither what it holds nor its own layout and style."""
    for each in [*_with_all_below(widget)]:
        each.close()
        for part in ("layout", "style"):
            # ipywidgets keeps alive, with a model in the page, whatever was not closed.
            owned = getattr(each, part, None)
            if isinstance(owned, ipywidgets.Widget):
                owned.close()


def _with_all_below(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    for child in getattr(widget, "children", ()):
        yield from _with_all_below(child)
    yield widget
