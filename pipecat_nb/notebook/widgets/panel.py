"""The panel: a form that starts builds, the live table of them, the chosen one's card, comparison and trends."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from typing import Any

import ipywidgets
from traitlets import Bunch

from pipecat_nb import context
from pipecat_nb.errors import ContextTooLarge, PipecatError
from pipecat_nb.lifecycle import BuildHandle, Workspace, difference
from pipecat_nb.notebook import difference as difference_page
from pipecat_nb.notebook import preview
from pipecat_nb.notebook.widgets import comparison, messages, trends
from pipecat_nb.notebook.widgets.boxes import box, close_all_of
from pipecat_nb.notebook.widgets.card import BuildCard
from pipecat_nb.notebook.widgets.comparison import Compared
from pipecat_nb.notebook.widgets.form import Form, Wanted
from pipecat_nb.notebook.widgets.jobs import Jobs
from pipecat_nb.notebook.widgets.listing import JOB, Listing, age
from pipecat_nb.notebook.widgets.scripts import style_sheet
from pipecat_nb.notebook.widgets.table import BuildTable, rows
from pipecat_nb.quantities import files as counted
from pipecat_nb.quantities import size
from pipecat_nb.text import printable

_log = logging.getLogger(__name__)

#: The tabs, in their order.
BUILD, COMPARE, TRENDS = range(3)
_TITLES = ("Build", "Compare", "Trends")

_NONE_CHOSEN = "Choose a build in the table, or start one: its card stands here."
_NONE_COMPARED = "Check two builds in the table’s first column: how they differ stands here."
_ONE_COMPARED = "Check one build more: how the two differ stands here."

MakeCard = Callable[[BuildHandle], ipywidgets.Widget]


class Panel(ipywidgets.VBox):  # type: ignore[misc]
    """Builds of one place: to start, watch, compare and study them, without a line of code.

    `card` makes the widget of a build's handle. `table` and `form` are there to be linked with other widgets. What
    asks the service or packs does so in threads of the panel's own; `close` ends them, and the builds go on.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        directory: str = ".",
        card: MakeCard = BuildCard,
    ) -> None:
        self._workspace = workspace
        self._make_card = card
        self._lock = threading.RLock()
        self._known: Mapping[str, Mapping[str, Any]] = {}
        self._handle: BuildHandle | None = None
        self._closed = False
        self._jobs = Jobs(failed=self._show_error)

        self.form = Form(directory)
        self._listing = Listing(
            workspace,
            jobs=self._jobs,
            on_place=self._show_head,
            on_builds=self._show_news,
            on_regions=self.form.offer_regions,
        )
        self.table = BuildTable(loading=True)
        self._head = ipywidgets.HTML()
        self._retry = ipywidgets.Button(description="Refresh", tooltip="Ask the service again")
        self._preview = ipywidgets.Button(description="Preview", tooltip="Show what would be sent; no network")
        self._build = ipywidgets.Button(
            description="Build", button_style="primary", tooltip="Build the directory's image"
        )
        self._message = ipywidgets.HTML()
        self._page = ipywidgets.HTML()
        self._card_box = ipywidgets.VBox([_quiet(_NONE_CHOSEN)])
        self._comparison = _quiet(_NONE_COMPARED)
        self._trends = ipywidgets.HTML()
        super().__init__([*self._laid_out()])
        self.add_class("pcb-panel")
        self._show_head()

        self._retry.on_click(lambda _: self._refresh())
        self._preview.on_click(lambda _: self._start_preview())
        self._build.on_click(lambda _: self._start_build())
        self.table.observe(self._on_selected, "selected")
        self.table.observe(self._on_compared, "compared")
        self._refresh()

    def _laid_out(self) -> Sequence[ipywidgets.Widget]:
        head = box("pcb-panel-head", self._head, self._retry)
        form = box("pcb-panel-form", self.form, box("pcb-panel-actions", self._preview, self._build))
        tabs = ipywidgets.Tab([self._card_box, self._comparison, self._trends], titles=_TITLES)
        tabs.add_class("pcb-panel-tabs")
        self._tabs = tabs
        main = box("pcb-panel-main", box("pcb-panel-table", self.table), tabs)
        return (
            ipywidgets.HTML(f"<style>{style_sheet('panel.css')}</style>"),
            head,
            form,
            self._message,
            self._page,
            main,
        )

    def __repr__(self) -> str:
        return f"<Panel of the builds at {self._listing.place or 'a place that is being looked for'}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return {"text/html": messages.saved(self._listing.place), **shown}

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def close(self) -> None:
        """Ask and start nothing any more, and take the panel out of the page; the builds go on."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._listing.close()
        self._jobs.close()
        for child in self.children:
            close_all_of(child)
        super().close()
        self.layout.close()

    # ---------------------------------------------------------------- where, and all that is there

    def _refresh(self) -> None:
        self.table.loading = True
        self._jobs.run(JOB, self._look_around)

    def _look_around(self) -> None:
        try:
            self._listing.refresh()
        finally:
            self.table.loading = False

    def _show_news(self, changed: Set[str]) -> None:
        self._show_builds()
        if not changed.isdisjoint(self.table.compared):
            self._compare_soon(show=False)

    def _show_builds(self) -> None:
        # One at a time, each with all that is known by then: so the last one shows the latest.
        with self._lock:
            self._known = self._workspace.record.columns()
            shown = rows(self._listing.latest, self._known)
            self.table.rows = [dict(row) for row in shown]
            self._trends.value = trends.html(shown, started_here=[*self._known], key=f"pcb-{self.model_id}")

    def _show_head(self) -> None:
        self._head.value = messages.head(self._listing.place, self._listing.problem)
        self._retry.description = "Retry" if self._listing.problem else "Refresh"

    # ---------------------------------------------------------------- actions

    def _start_preview(self) -> None:
        self._act("preview", self._preview, "Packing …", self._show_preview)

    def _show_preview(self, wanted: Wanted) -> None:
        project = wanted.project
        dockerfile = wanted.dockerfile or project.dockerfile
        self._say("Packing what would be sent …")
        try:
            with context.pack(project.directory, dockerfile=dockerfile, exclude=project.exclude) as packed:
                self._page.value = messages.page("Preview", preview.html(packed, styled=False))
                amount = f"{counted(packed.files)}, {size(packed.archive_size)} packed"
                self._say(f"{wanted.named}: {amount}. Nothing was sent; the preview stands below.")
        except ContextTooLarge as error:
            selected = context.select(project.directory, dockerfile=dockerfile, exclude=project.exclude)
            shown = preview.of_unpacked(selected, problem=error.message, styled=False)
            self._page.value = messages.page("Preview", shown["text/html"])
            raise

    def _start_build(self) -> None:
        self._act("build", self._build, "Starting …", self._create)

    def _create(self, wanted: Wanted) -> None:
        self._page.value = ""
        self.table.selected = ""
        self._say(f"{wanted.named} is being packed and sent …")
        handle = self._workspace.start(
            wanted.directory,
            region=wanted.region,
            dockerfile=wanted.dockerfile,
            note=wanted.note,
            show=self._show_card,
        )
        if handle.build is not None:
            self._listing.take([handle.build])
        with self._lock:
            if self._closed:
                return
            # It may have been known already: then its note or mark is the news.
            self._show_builds()
            undisturbed = self._handle is handle and not self.table.selected
        if undisturbed:  # who chose another build meanwhile looks at that one
            self.table.selected = handle.id
        if self.form.wanted.note == wanted.note:
            self.form.note.value = ""  # it says why this build was made, not the next one
        name = printable(handle.name)
        if handle.cached:
            self._say(f"{name} was not built again: build {handle.id[:8]} has the same content.")
        else:
            self._say(f"Build {handle.id[:8]} of {name} was started. It goes on also when this page is closed.")

    def _act(self, kind: str, button: ipywidgets.Button, word: str, action: Callable[[Wanted], None]) -> None:
        """Do what a button says, once at a time; meanwhile it says so.

        It is not disabled in the page: that would take the focus away from who uses the keyboard.
        """
        if self._jobs.busy(kind):
            self._say(f"This goes on already: {word}")
            return
        wanted, name = self.form.wanted, button.description
        button.description = word
        button.add_class("pcb-busy")

        def act() -> None:
            try:
                action(wanted)
            finally:
                button.description = name
                button.remove_class("pcb-busy")

        self._jobs.run(kind, act)

    # ---------------------------------------------------------------- the chosen build, and two compared

    def _on_selected(self, change: Bunch) -> None:
        chosen = change.new
        if chosen and (self._handle is None or self._handle.id != chosen):
            self._jobs.run("card", partial(self._choose, chosen))
        elif chosen:
            self._tabs.selected_index = BUILD

    def _choose(self, build_id: str) -> None:
        handle = self._workspace.attach(self._listing.find(build_id))
        if self.table.selected == build_id:  # and no other meanwhile
            self._show_card(handle)

    def _show_card(self, handle: BuildHandle) -> None:
        card = self._make_card(handle)
        with self._lock:
            if self._closed:
                unwanted: Sequence[ipywidgets.Widget] = [card]
            else:
                unwanted = self._card_box.children
                self._handle = handle
                self._card_box.children = [card]
                self._tabs.selected_index = BUILD
        for widget in unwanted:
            close_all_of(widget)

    def _on_compared(self, _: Bunch) -> None:
        self._compare_soon(show=True)

    def _compare_soon(self, *, show: bool) -> None:
        """Compare the two that are chosen, and if `show`, bring them to the front."""
        chosen = [*self.table.compared]
        if len(chosen) < 2:
            self._comparison.value = messages.quiet(_ONE_COMPARED if chosen else _NONE_COMPARED)
        else:
            self._jobs.run("compare", partial(self._compare, chosen, show=show))

    def _compare(self, chosen: Sequence[str], *, show: bool) -> None:
        builds = sorted(map(self._listing.find, chosen), key=age)
        both = rows(builds, self._known)
        before, after = (Compared(build, row) for build, row in zip(builds, both, strict=True))
        found = difference(self._workspace.client, before.build.id, after.build.id)
        # The table has brought the style sheet, and once more it would outdo the card's own.
        files = difference_page.html(found, styled=False)
        self._comparison.value = comparison.html(before, after) + files
        if show:
            self._tabs.selected_index = COMPARE

    # ---------------------------------------------------------------- what is said

    def _say(self, text: str) -> None:
        self._message.value = messages.status(text)

    def _show_error(self, error: Exception) -> None:
        if not isinstance(error, PipecatError):
            _log.error("An action of the panel failed.", exc_info=error)
        self._message.value = messages.error(error)


def _quiet(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(messages.quiet(text))
