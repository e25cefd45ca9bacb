"""The panel: a form that starts builds, the live table of them, the chosen one's card, comparison and trends."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import ipywidgets
from traitlets import Bunch

from pipecat_nb import context
from pipecat_nb.errors import ContextTooLarge, PipecatError
from pipecat_nb.lifecycle import BuildHandle, Workspace, difference
from pipecat_nb.models import Build
from pipecat_nb.notebook import difference as difference_page
from pipecat_nb.notebook import preview
from pipecat_nb.notebook.quantities import files as counted
from pipecat_nb.notebook.quantities import size
from pipecat_nb.notebook.style import CLASSES, style
from pipecat_nb.notebook.widgets import comparison, trends
from pipecat_nb.notebook.widgets.boxes import box, close_all_of
from pipecat_nb.notebook.widgets.card import BuildCard
from pipecat_nb.notebook.widgets.comparison import Compared
from pipecat_nb.notebook.widgets.form import Form, Wanted
from pipecat_nb.notebook.widgets.jobs import Jobs
from pipecat_nb.notebook.widgets.scripts import style_sheet
from pipecat_nb.notebook.widgets.table import BuildTable, rows
from pipecat_nb.text import LINE_LIMIT, printable

_log = logging.getLogger(__name__)

#: How many of the latest builds are shown.
SHOWN = 1000

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
        self._builds: dict[str, Build] = {}
        self._known: Mapping[str, Mapping[str, Any]] = {}
        self._handle: BuildHandle | None = None
        self._place = ""
        self._problem = ""
        #: What could not be asked for yet; of the rest the watching thread tells what is new.
        self._missing = {"builds", "regions"}
        self._closed = False
        self._jobs = Jobs(failed=self._show_error)

        self.form = Form(directory)
        self.table = BuildTable(loading=True)
        self._head = ipywidgets.HTML()
        self._retry = ipywidgets.Button(description="Refresh", tooltip="Ask the service again")
        self._preview = ipywidgets.Button(description="Preview", tooltip="Show what would be sent; no network")
        self._build = ipywidgets.Button(
            description="Build", button_style="primary", tooltip="Build the directory's image"
        )
        self._message = ipywidgets.HTML()
        self._page = ipywidgets.HTML()
        self._card_box = ipywidgets.VBox([_words(_NONE_CHOSEN)])
        self._comparison = _words(_NONE_COMPARED)
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
        return f"<Panel of the builds at {self._place or 'a place that is being looked for'}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        # Where a saved notebook is read without its kernel, this stands there.
        told = f"A panel of the builds at {printable(self._place) or 'this place'}: run the cell to use it."
        shown: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return {"text/html": f'<div class="{CLASSES}">{escape(told)}</div>', **shown}

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
        self._workspace.unlisten(self._heard)
        self._jobs.close()
        for child in self.children:
            close_all_of(child)
        super().close()
        self.layout.close()

    # ---------------------------------------------------------------- where, and all that is there

    def _refresh(self) -> None:
        self._missing = {"builds", "regions"}
        self.table.loading = True
        self._jobs.run("place", self._look_around_and_listen)

    def _look_around_and_listen(self) -> None:
        try:
            self._look_around()
        finally:
            # Also after an error: the watching thread finds out when the service is there again. For who listens
            # already it looks at once, so that with the table the cards are as new.
            with self._lock:
                if not self._closed:
                    self._workspace.listen(self._heard)

    def _look_around(self) -> None:
        """Find out where builds go, and of the builds and the regions there what is missing."""
        try:
            self._place = self._workspace.client.target.label
            self._show_head()
        except PipecatError as error:
            self._show_problem(error)
        else:
            # Each by itself: who may not ask for the regions sees the builds all the same.
            builds = self._ask_for("builds", self._ask_for_builds)
            regions = self._ask_for("regions", self._ask_for_regions)
            self._show_problem(builds or regions)
        finally:
            self.table.loading = False

    def _ask_for(self, what: str, ask: Callable[[], None]) -> PipecatError | None:
        """Ask for what is missing, and give what is wrong with it."""
        if what in self._missing:
            try:
                ask()
            except PipecatError as error:
                return error
            self._missing.discard(what)
        return None

    def _ask_for_builds(self) -> None:
        self._take([*self._workspace.client.list_builds(limit=SHOWN)])

    def _ask_for_regions(self) -> None:
        client = self._workspace.client
        self.form.offer_regions(client.regions(), client.default_region())

    def _heard(self, news: tuple[Build, ...] | PipecatError) -> None:
        """A look of the thread that watches all builds."""
        if self._closed:
            return
        if isinstance(news, PipecatError):
            self._show_problem(news)
            return
        self._take(news)
        if not self._missing:
            self._show_problem(None)
        elif not self._jobs.busy("place"):
            # What could not be asked for then may be now; the looks are the further apart the longer that takes.
            self._jobs.run("place", self._look_around)

    def _take(self, builds: Sequence[Build]) -> None:
        """Take over news of builds, and show them if they are any."""
        with self._lock:
            changed = [build for build in builds if _is_news(build, self._builds.get(build.id))]
            self._builds |= {build.id: build for build in changed}
            if changed:
                self._show_builds()
        compared = set(self.table.compared)
        if any(build.id in compared for build in changed):
            self._compare_soon(show=False)

    def _show_builds(self) -> None:
        self._known = self._workspace.record.columns()
        shown = rows(sorted(self._builds.values(), key=_age, reverse=True)[:SHOWN], self._known)
        self.table.rows = [dict(row) for row in shown]
        self._trends.value = trends.html(shown, started_here=[*self._known], key=f"pcb-{self.model_id}")

    def _show_head(self) -> None:
        place = f"<strong><bdi>{escape(printable(self._place))}</bdi></strong>" if self._place else "…"
        problem = f'<div class="pcb-error" role="alert">{_marked(self._problem)}</div>' if self._problem else ""
        self._head.value = f'<div class="{CLASSES}">Builds go to {place}{problem}</div>'
        self._retry.description = "Retry" if self._problem else "Refresh"

    def _show_problem(self, error: PipecatError | None) -> None:
        problem = "" if error is None else str(error)
        if problem != self._problem:
            self._problem = problem
            self._show_head()

    # ---------------------------------------------------------------- actions

    def _start_preview(self) -> None:
        self._act("preview", self._preview, "Packing …", self._show_preview)

    def _show_preview(self, wanted: Wanted) -> None:
        project = wanted.project
        dockerfile = wanted.dockerfile or project.dockerfile
        self._say("Packing what would be sent …")
        try:
            with context.pack(project.directory, dockerfile=dockerfile, exclude=project.exclude) as packed:
                self._show_page("Preview", preview.html(packed))
                amount = f"{counted(packed.files)}, {size(packed.archive_size)} packed"
                self._say(f"{_named(wanted)}: {amount}. Nothing was sent; the preview stands below.")
        except ContextTooLarge as error:
            selected = context.select(project.directory, dockerfile=dockerfile, exclude=project.exclude)
            shown = preview.of_unpacked(selected, problem=error.message)
            self._show_page("Preview", shown["text/html"])
            raise

    def _start_build(self) -> None:
        self._act("build", self._build, "Starting …", self._create)

    def _create(self, wanted: Wanted) -> None:
        self._show_page("", "")
        self.table.selected = ""
        self._say(f"{_named(wanted)} is being packed and sent …")
        handle = self._workspace.start(
            wanted.directory,
            region=wanted.region,
            dockerfile=wanted.dockerfile,
            note=wanted.note,
            show=self._show_card,
        )
        if handle.build is not None:
            self._take([handle.build])
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
        build = self._builds.get(build_id) or self._workspace.client.get_build(build_id)
        handle = self._workspace.attach(build)
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
            self._comparison.value = _said(_ONE_COMPARED if chosen else _NONE_COMPARED)
        else:
            self._jobs.run("compare", partial(self._compare, chosen, show=show))

    def _compare(self, chosen: Sequence[str], *, show: bool) -> None:
        client = self._workspace.client
        builds = sorted((self._builds.get(each) or client.get_build(each) for each in chosen), key=_age)
        both = rows(builds, self._known)
        before, after = (Compared(build, row) for build, row in zip(builds, both, strict=True))
        found = difference(client, before.build.id, after.build.id)
        self._comparison.value = comparison.html(before, after) + _bare(difference_page.html(found))
        if show:
            self._tabs.selected_index = COMPARE

    # ---------------------------------------------------------------- what is said

    def _say(self, text: str) -> None:
        self._message.value = f'<div class="{CLASSES} pcb-message" role="status">{_marked(text)}</div>'

    def _show_page(self, title: str, html: str) -> None:
        """A page below the form, that can be closed; empty for none."""
        inner = f"<details open><summary>{escape(title)}</summary>{_bare(html)}</details>"
        self._page.value = f'<div class="{CLASSES} pcb-panel-page">{inner}</div>' if html else ""

    def _show_error(self, error: Exception) -> None:
        """What happened and what to do next, of whatever an action raised."""
        if isinstance(error, PipecatError):
            what, then = error.message, error.hint
        else:
            _log.error("An action of the panel failed.", exc_info=error)
            what, then = (
                f"{type(error).__name__}: {error}",
                "This is a fault of pipecat_nb; the log has its traceback.",
            )
        hint = f'<div class="pcb-next">{_marked(then)}</div>' if then else ""
        shown = f'<div class="pcb-error"><span aria-hidden="true">✕ </span>{_marked(what)}</div>'
        self._message.value = (
            f'<div class="{CLASSES} pcb-message" role="alert" data-mood="bad">{shown}{hint}</div>'
        )


def _is_news(build: Build, known: Build | None) -> bool:
    """Whether this is to be taken over: another state than the known one, and no older one."""
    if not build.id or build == known:
        return False
    if known is None or known.updated_at is None or build.updated_at is None:
        return True
    return build.updated_at >= known.updated_at


def _age(build: Build) -> tuple[bool, float]:
    """The order of their creation; what has no time comes before all."""
    return (build.created_at is not None, build.created_at.timestamp() if build.created_at else 0.0)


def _named(wanted: Wanted) -> str:
    return printable(wanted.directory or "The current directory", limit=LINE_LIMIT)


def _marked(text: str) -> str:
    """A message as HTML: its lines, and what stands between backticks as code."""
    parts = printable(text, limit=20 * LINE_LIMIT).split("`")
    return "".join(
        f"<code>{escape(part)}</code>" if number % 2 and number < len(parts) - 1 else f"<bdi>{escape(part)}</bdi>"
        for number, part in enumerate(parts)
        if part
    )


def _bare(html: str) -> str:
    """A page without its style sheet: the table has brought it, and once more it would outdo the card's own."""
    return html.replace(f"<style>{style()}</style>", "")


def _said(text: str) -> str:
    return f'<div class="{CLASSES} pcb-place">{escape(text)}</div>'


def _words(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(_said(text))
