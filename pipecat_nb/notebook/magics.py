"""`%pcbuild`: builds from a notebook's cells."""

from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from IPython.core.magic import Magics, line_cell_magic, magics_class
from traitlets import Unicode

from pipecat_nb import settings
from pipecat_nb.errors import ContextTooLarge, PipecatError, WaitInterrupted
from pipecat_nb.notebook import options, table
from pipecat_nb.notebook.completion import Known
from pipecat_nb.notebook.live import Screen
from pipecat_nb.settings import Target
from pipecat_nb.text import printable

if TYPE_CHECKING:
    import pandas as pd
    from IPython.core.completer import Matcher
    from IPython.core.interactiveshell import InteractiveShell

    from pipecat_nb.lifecycle import BuildHandle, Explanation, Workspace
    from pipecat_nb.notebook.widgets import Panel

# What builds, and what pandas is needed for, is imported when it is first used: loading the extension stays cheap.
# ruff: noqa: PLC0415

#: a target's kind -> as whom the service sees us
_AS = {"api-key": "a private API key", "token": "a person, by a token", "local": "this machine's user"}


class _Place(TypedDict):
    """What `%config` says of the place to build at."""

    org: str | None
    api_host: str | None


@magics_class
class PipecatMagics(Magics):
    """The `%pcbuild` magic. It has no trait for a token: `%config` would print it and notebooks would keep it."""

    shell: "InteractiveShell"

    region = Unicode("", help="Where to build, unless --region says.").tag(config=True)
    dockerfile = Unicode("", help="The Dockerfile's path, unless --dockerfile says.").tag(config=True)
    org = Unicode("", help="The organization to build for (of the token in the environment or the login).").tag(
        config=True
    )
    api_host = Unicode("", help="The service's address; 'local' means the local service.").tag(config=True)

    def __init__(self, shell: "InteractiveShell", *, screen: Screen) -> None:
        super().__init__(shell)
        self._screen = screen
        #: What completes its lines, while the extension is loaded.
        self.matcher: Matcher | None = None
        # Cards that were shown by the execution with this count, which its result need not show again.
        self._shown: tuple[int, list[BuildHandle]] = (0, [])
        # One for each place that was built at: when the settings change, what goes on elsewhere is followed on.
        self._workspaces: dict[Target, Workspace] = {}
        #: The open ones, with the cell and the execution that made each.
        self._panels: list[tuple[Panel, str, int]] = []

    def close(self) -> None:
        """Follow and refresh nothing any more; the builds go on."""
        for panel, _, _ in self._panels:
            panel.close()
        for workspace in self._workspaces.values():
            workspace.close()
        self._screen.close()

    def show(self, handle: "BuildHandle") -> None:
        """Show a build's card, unless this execution has shown it already."""
        count, handles = self._shown
        if count != self.shell.execution_count:
            handles = []
        if handle not in handles:
            self._shown = (self.shell.execution_count, [*handles, handle])
            self._screen.show(handle)

    def known(self) -> Known:
        """What can be completed of builds and regions, from the local record."""
        from pipecat_nb.record import Record

        try:
            record = Record(settings.resolve(**self._place).account)
        except PipecatError:
            return Known()
        return Known(builds=record.recent(), regions=record.regions())

    @line_cell_magic
    def pcbuild(self, line: str, cell: str | None = None) -> Any:
        """Build a directory's image on Pipecat Cloud, or locally without an account: `%pcbuild help` explains.

        The body of a cell is the Dockerfile that is built by; the directory is not written.
        """
        try:
            name, given = options.parse(options.words(line), dockerfile_text=cell)
        except options.HelpShown:
            return None
        try:
            return getattr(self, f"_{name}")(given)
        finally:
            self._screen.flush()

    def _build(self, given: Namespace) -> "BuildHandle":
        handle = self._workspace().start(
            given.directory,
            region=given.region or self.region or None,
            dockerfile=given.dockerfile or self.dockerfile or None,
            dockerfile_text=given.dockerfile_text,
            note=given.note,
            encoder=given.encoder,
            no_cache=given.no_cache,
            allow_secrets=given.allow_secret,
            show=self.show,
        )
        return _wait(handle) if given.wait else handle

    def _preview(self, given: Namespace) -> None:
        from pipecat_nb import context
        from pipecat_nb.notebook import preview

        project = settings.project(given.directory)
        dockerfile = given.dockerfile or self.dockerfile or project.dockerfile
        select = partial(context.select, project.directory, dockerfile=dockerfile, exclude=project.exclude)
        if given.why is not None:
            print(context.why(select(), given.why))
            return
        try:
            with context.pack(
                project.directory, dockerfile=dockerfile, exclude=project.exclude, encoder=given.encoder
            ) as packed:
                self._display(preview.of(packed))
        except ContextTooLarge as error:
            self._display(preview.of_unpacked(select(), problem=error.message))

    def _diff(self, given: Namespace) -> "Explanation":
        from pipecat_nb.lifecycle import difference, why

        workspace = self._workspace()
        first = workspace.find(given.first).id
        if given.second is None:
            return why(workspace.client, first)
        return difference(workspace.client, first, workspace.find(given.second).id)

    def _status(self, given: Namespace) -> "BuildHandle":
        handle = self._handle(given.build)
        self.show(handle)
        return handle

    def _handle(self, named: str) -> "BuildHandle":
        """The one handle of the build that is meant by a text, up to date."""
        workspace = self._workspace()
        return workspace.attach(workspace.find(named))

    def _panel(self, given: Namespace) -> "Panel":
        from pipecat_nb.notebook.widgets import Panel

        panel = Panel(self._workspace(), directory=given.directory or ".")
        self._keep(panel)
        return panel

    def _keep(self, panel: "Panel") -> None:
        """Close the panel with the extension, or where its cell makes another: then nobody sees it any more."""
        cell, count = _cell_id(self.shell), self.shell.execution_count
        for other, its_cell, its_count in self._panels:
            if cell and its_cell == cell and its_count != count:
                other.close()
        self._panels = [each for each in self._panels if not each[0].closed] + [(panel, cell, count)]

    def _steps(self, given: Namespace) -> "pd.DataFrame":
        return self._handle(given.build).steps()

    def _wait(self, given: Namespace) -> "BuildHandle":
        return _wait(self._status(given), timeout=given.timeout)

    def _logs(self, given: Namespace) -> None:
        workspace = self._workspace()
        build = workspace.find(given.build)
        page = workspace.client.build_logs(build.id, limit=given.limit)
        for line in page.lines:
            print(printable(line))
        if not page.lines:
            print(f"The log of build {build.id} is empty ({build.status}).")
        elif page.next_token:
            print(f"[The service has more lines; --limit takes up to {options.MOST_LINES}.]")

    def _history(self, given: Namespace) -> "pd.DataFrame":
        from pipecat_nb.analysis import history

        table = history(client=self._workspace().client, **vars(given))
        if table.attrs["note"]:
            print(printable(table.attrs["note"]))
        return table

    def _regions(self, given: Namespace) -> None:
        client = self._workspace().client
        default = client.default_region()
        rows = [
            (region.code, region.display_name, "default" if region.code == default else "")
            for region in client.regions()
        ]
        self._display(table.bundle(rows, columns=("region", "place", "")))

    def _target(self, given: Namespace) -> None:
        from pipecat_nb.client import Client, Retry

        target, problem = settings.resolve(**self._place), ""
        try:
            # One try: who asks here wants to know how it stands now.
            client = Client(**self._place, retry=Retry(tries=1))
            target = client.target
            client.regions()
        except PipecatError as error:
            # A hint to look here helps nobody who does.
            problem = error.message if "%pcbuild target" in error.hint else str(error)
        rows = [
            ("builds go to", target.label),
            ("address", target.api_host),
            ("organization", target.org or ""),
            ("as", _AS[target.kind]),
            ("because", target.source),
            ("problem", " ".join(problem.split())),
        ]
        self._display(table.bundle([row for row in rows if row[1]]))

    def _help(self, given: Namespace) -> None:
        print(options.help_text(given.topic))

    def _display(self, bundle: dict[str, str]) -> None:
        self.shell.display_pub.publish(data=bundle)

    def _workspace(self) -> "Workspace":
        """The builds of the place that the settings mean now: the environment may have changed meanwhile."""
        from pipecat_nb.client import Client
        from pipecat_nb.lifecycle import Workspace

        target = settings.resolve(**self._place)
        if target not in self._workspaces:
            self._workspaces[target] = Workspace(Client(**self._place))
        return self._workspaces[target]

    @property
    def _place(self) -> _Place:
        return {"org": self.org or None, "api_host": self.api_host or None}


def _cell_id(shell: "InteractiveShell") -> str:
    """Which cell of its notebook is executed, as JupyterLab tells a kernel; empty where nobody says."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return ""
    asked = kernel.get_parent("shell").get("metadata", {})
    return str(asked.get("cellId") or "")


def _wait(handle: "BuildHandle", *, timeout: float = options.WAIT) -> "BuildHandle":
    try:
        return handle.wait(timeout)
    except KeyboardInterrupt:
        raise WaitInterrupted(
            f"The waiting was stopped; build {handle.id} of {handle.name or handle.context_hash} goes on.",
            hint=f"`%pcbuild wait {handle.id[:8]}` waits on.",
            build=handle,
        ) from None
