"""Which builds there are at a place, and which regions; no widgets."""

import threading
from collections.abc import Callable, Sequence, Set

from pipecat_nb.errors import PipecatError
from pipecat_nb.lifecycle import Workspace
from pipecat_nb.models import Build, Region
from pipecat_nb.notebook.widgets.jobs import Jobs

#: How many of the latest builds are listed.
LISTED = 1000

#: The kind of the jobs that ask the service.
JOB = "place"


class Listing:
    """The latest builds of a workspace, and the regions of its place.

    `refresh` asks for all of them; then the thread that follows builds tells what is new. What could not be asked
    for is tried again after its looks: these come the less often the longer nothing happens. Told are, from
    whichever thread: `on_place` of another `place` or `problem`, `on_builds` of the ids whose builds are new or
    have changed, `on_regions` of the regions and the default one.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        jobs: Jobs,
        on_place: Callable[[], None],
        on_builds: Callable[[Set[str]], None],
        on_regions: Callable[[Sequence[Region], str], None],
    ) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._on_place = on_place
        self._on_builds = on_builds
        self._on_regions = on_regions
        #: Where builds go, in words, and why that cannot be asked just now; empty while it is not known.
        self.place = self.problem = ""
        self._lock = threading.Lock()
        self._builds: dict[str, Build] = {}
        self._missing = {"builds", "regions"}
        self._closed = False

    @property
    def latest(self) -> list[Build]:
        """The builds, the newest first."""
        with self._lock:
            return sorted(self._builds.values(), key=age, reverse=True)[:LISTED]

    def find(self, build_id: str) -> Build:
        """A build by its id: as it is known, or else as the service says; raises a PipecatError."""
        with self._lock:
            known = self._builds.get(build_id)
        return known or self._workspace.client.get_build(build_id)

    def refresh(self) -> None:
        """Ask for all of it; from then on be told what is new."""
        self._missing = {"builds", "regions"}
        try:
            self._complete()
        finally:
            # Also after an error: the watching thread finds out when the service is there again. For who listens
            # already it looks at once, so that with the list the cards are as new.
            with self._lock:
                if not self._closed:
                    self._workspace.listen(self._heard)

    def take(self, builds: Sequence[Build]) -> None:
        """Take over news of builds, and tell of them if they are any."""
        with self._lock:
            changed = [build for build in builds if _is_news(build, self._builds.get(build.id))]
            self._builds |= {build.id: build for build in changed}
        if changed:
            self._on_builds({build.id for build in changed})

    def close(self) -> None:
        """Be told nothing any more."""
        with self._lock:
            self._closed = True
        self._workspace.unlisten(self._heard)

    def _complete(self) -> None:
        """Find out where builds go, and of the builds and the regions there what is missing."""
        try:
            self.place = self._workspace.client.target.label
            self._on_place()
        except PipecatError as error:
            self._set_problem(error)
            return
        # Each by itself: who may not ask for the regions sees the builds all the same.
        builds = self._ask_for("builds", self._ask_for_builds)
        regions = self._ask_for("regions", self._ask_for_regions)
        self._set_problem(builds or regions)

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
        self.take([*self._workspace.client.list_builds(limit=LISTED)])

    def _ask_for_regions(self) -> None:
        client = self._workspace.client
        self._on_regions(client.regions(), client.default_region())

    def _heard(self, news: tuple[Build, ...] | PipecatError) -> None:
        """A look of the thread that follows all builds."""
        if self._closed:
            return
        if isinstance(news, PipecatError):
            self._set_problem(news)
            return
        self.take(news)
        if not self._missing:
            self._set_problem(None)
        elif not self._jobs.busy(JOB):
            self._jobs.run(JOB, self._complete)

    def _set_problem(self, error: PipecatError | None) -> None:
        problem = "" if error is None else str(error)
        if problem != self.problem:
            self.problem = problem
            self._on_place()


def age(build: Build) -> tuple[bool, float]:
    """The order of their creation; what has no time comes before all."""
    return (build.created_at is not None, build.created_at.timestamp() if build.created_at else 0.0)


def _is_news(build: Build, known: Build | None) -> bool:
    """Whether this is to be taken over: another state than the known one, and no older one."""
    if not build.id or build == known:
        return False
    if known is None or known.updated_at is None or build.updated_at is None:
        return True
    return build.updated_at >= known.updated_at
