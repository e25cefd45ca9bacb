"""Widgets that show and start builds; the only user of ipywidgets and anywidget."""

from pipecat_nb.notebook.widgets.card import BuildCard

__all__ = ["BuildCard"]
