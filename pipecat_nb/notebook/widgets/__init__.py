"""Widgets that show and start builds; the only user of ipywidgets and anywidget."""

from pipecat_nb.notebook.widgets.card import BuildCard
from pipecat_nb.notebook.widgets.panel import Panel
from pipecat_nb.notebook.widgets.table import BuildTable

__all__ = ["BuildCard", "BuildTable", "Panel"]
