"""Builds of one client: started from a directory, looked up, followed."""

import re
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from os import PathLike
from pathlib import Path
from weakref import WeakValueDictionary

from pipecat_nb import context, settings
from pipecat_nb.client import Client
from pipecat_nb.context import EncoderChoice
from pipecat_nb.errors import BadRequest, NotFound, PipecatError, UnknownBuild, UnknownRegion
from pipecat_nb.lifecycle.handle import BuildHandle
from pipecat_nb.lifecycle.stages import CHECKING, CREATING, UPLOADING
from pipecat_nb.lifecycle.watcher import Listener, Watcher
from pipecat_nb.models import SUCCESS, Build, CreatedBuild
from pipecat_nb.record import Commit, Record, Start, commit_of

#: How far back a build is looked for by the beginning of its id.
SEARCHED = 1000

#: Seconds between two news of the packing.
BETWEEN = 0.1

#: The most hashes of one content that an earlier build is looked for by.
MOST_HASHES = 4


def build(
    directory: str | PathLike[str] | None = None,
    *,
    region: str | None = None,
    dockerfile: str | None = None,
    dockerfile_text: str | None = None,
    note: str = "",
    encoder: EncoderChoice = "auto",
    no_cache: bool = False,
    allow_secrets: str | Iterable[str] = (),
    client: Client | None = None,
) -> BuildHandle:
    """Build a directory's image: what it returns was accepted by the service, and is followed to its end.

    Without a directory, that of `./pcc-deploy.toml` or the current one; without a client, one with the
    credentials at hand, or the local service. `dockerfile_text` is built by instead of the directory's Dockerfile,
    which need not be there and is not written. `encoder` is explained at `pack`; `no_cache` builds also what was
    built before; `allow_secrets` are files, or directories, that are sent although keys were found in them. Raises
    a PipecatError.
    """
    return Workspace(client or Client()).start(
        directory,
        region=region,
        dockerfile=dockerfile,
        dockerfile_text=dockerfile_text,
        note=note,
        encoder=encoder,
        no_cache=no_cache,
        allow_secrets=allow_secrets,
    )


def pack(
    directory: str | PathLike[str] | None = None,
    *,
    dockerfile: str | None = None,
    encoder: EncoderChoice = "auto",
) -> context.BuildContext:
    """The context that `build` would send: its archive, hash and members. No network.

    `encoder` "identical" makes the official command line's very bytes, so that both share one build cache;
    "parallel" is fast; "auto" is identical up to 8 MiB of files, parallel above.
    """
    project = settings.project(directory)
    return context.pack(
        project.directory,
        dockerfile=dockerfile or project.dockerfile,
        exclude=project.exclude,
        encoder=encoder,
    )


class Workspace:
    """All that is built through one client: starts builds, finds them again, and follows them live."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._watcher = Watcher(client)
        self._started: list[str] = []
        # By their builds' ids: who asks for one that has a handle gets that, and all its cards say the same.
        self._handles: WeakValueDictionary[str, BuildHandle] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._default_region = ""

    @property
    def record(self) -> Record:
        """What this machine knows of the builds at this client's target."""
        return Record(self.client.target.account)

    def close(self) -> None:
        """Stop following builds; they go on."""
        self._watcher.close()

    def listen(self, listener: Listener) -> None:
        """Tell somebody of each look at the builds, from the thread that follows them, until `unlisten`.

        It gets the latest builds (up to 100, the newest first), or the PipecatError for which there are none this
        time. The first look comes at once, and so does one more for who listens again.
        """
        self._watcher.listen(listener)

    def unlisten(self, listener: Listener) -> None:
        """Tell somebody no more."""
        self._watcher.unlisten(listener)

    def start(
        self,
        directory: str | PathLike[str] | None = None,
        *,
        region: str | None = None,
        dockerfile: str | None = None,
        dockerfile_text: str | None = None,
        note: str = "",
        encoder: EncoderChoice = "auto",
        no_cache: bool = False,
        allow_secrets: str | Iterable[str] = (),
        show: Callable[[BuildHandle], None] = lambda handle: None,
    ) -> BuildHandle:
        """Pack a directory, look its build up, else upload and create it; then follow it in the background.

        When this returns, the service has accepted the build. What is not given is taken from the directory's
        `pcc-deploy.toml`, then from the service's defaults. `show` gets the handle before anything happens.
        """
        project = settings.project(directory)
        root = project.directory.resolve()
        handle = BuildHandle(
            self.client,
            directory=str(root),
            name=project.agent_name or root.name,
            dockerfile_path=dockerfile or project.dockerfile,
            region=region or project.region or "",
            note=note,
        )
        show(handle)
        try:
            pack = partial(context.pack, exclude=project.exclude, encoder=encoder, no_cache=no_cache)
            with self._pack(handle, partial(pack, dockerfile_text=dockerfile_text)) as packed:
                context.refuse(
                    packed.secrets,
                    allowed=allow_secrets,
                    ignore_file=packed.ignore_file,
                    always_sent=(packed.dockerfile, packed.ignore_file),
                )
                handle.where = self.client.target.label
                handle.region = handle.region or self._region()
                created = None if no_cache else self._find_cached(handle, packed)
                created = created or self._upload_and_create(handle, packed)
        except PipecatError as error:
            handle.fail(error.message)
            error.build = error.build or handle
            raise
        except BaseException as error:  # Ctrl-C above all: the card must not say that this still goes on
            handle.fail("Interrupted." if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}.")
            raise
        # From here on the build exists: nothing that fails may lose it.
        handle.cached = created.cached
        handle.update(created.build)
        self._watcher.follow(handle)
        with self._lock:
            # Of an earlier build that was found again this one is shown now, and says so.
            self._handles[handle.id] = handle
        self._started.append(handle.id)
        self._keep(handle, packed, created.build, no_cache=no_cache)
        return handle

    def _pack(self, handle: BuildHandle, pack: Callable[..., context.BuildContext]) -> context.BuildContext:
        begun = told = time.monotonic()

        def progress(done: int, count: int) -> None:
            nonlocal told
            # Told of each path, observers would take longer than the packing.
            if (now := time.monotonic()) - told > BETWEEN or done == count:
                told = now
                handle.to_pack = count
                handle.packed = done

        packed = pack(handle.directory, dockerfile=handle.dockerfile_path, progress=progress)
        with handle.hold_trait_notifications():
            handle.dockerfile_path = packed.dockerfile
            handle.context_hash = packed.hash
            handle.files = packed.files
            handle.context_size = packed.size
            handle.archive_size = packed.archive_size
            handle.warning = "\n".join(packed.warnings)
            handle.pack_seconds = time.monotonic() - begun
        return packed

    def _region(self) -> str:
        """The organization's default, asked for once: a known build is to take one request."""
        self._default_region = self._default_region or self.client.default_region()
        return self._default_region

    def _find_cached(self, handle: BuildHandle, packed: context.BuildContext) -> CreatedBuild | None:
        """An earlier build of the same content for the same region and, unlike elsewhere, by the same Dockerfile.

        The service would give one of the same hash; the record knows under which others the content was sent.
        """
        handle.status = CHECKING
        for context_hash in self.record.contexts.hashes(packed)[:MOST_HASHES]:
            found = self.client.list_builds(context_hash=context_hash, region=handle.region, status=SUCCESS)
            for build in found:
                if (build.dockerfile_path or "Dockerfile") == handle.dockerfile_path:
                    return CreatedBuild(build=build, context_hash=context_hash, cached=True)
        return None

    def _upload_and_create(self, handle: BuildHandle, packed: context.BuildContext) -> CreatedBuild:
        begun = time.monotonic()
        handle.status = UPLOADING
        try:
            ticket = self.client.upload_url(handle.region)
        except BadRequest as error:
            raise self._unknown_region(handle.region, error) from error

        sending = time.monotonic()

        def progress(sent: int, _: int) -> None:
            with handle.hold_trait_notifications():
                handle.sent = sent
                handle.upload_rate = sent / max(time.monotonic() - sending, 1e-3)

        ticket = self.client.upload(ticket, packed.archive, progress=progress)
        handle.upload_seconds = time.monotonic() - begun
        handle.status = CREATING
        return self.client.create_build(
            ticket.upload_id, region=handle.region, dockerfile_path=handle.dockerfile_path
        )

    def _unknown_region(self, region: str, error: BadRequest) -> PipecatError:
        """The service's refusal, as an unknown region where it is one."""
        codes = [known.code for known in self.client.regions()]
        if region in codes:
            return error
        return UnknownRegion(region, known=codes)

    def _keep(self, handle: BuildHandle, packed: context.BuildContext, build: Build, *, no_cache: bool) -> None:
        self.record.contexts.keep(packed)
        # What git says of a large directory takes long, and the start that made a build has it already.
        known = handle.cached and self.record.made(build.id) is not None
        self.record.add(
            Start(
                id=build.id,
                cached=handle.cached,
                directory=handle.directory,
                name=handle.name,
                note=handle.note,
                files=handle.files,
                pack_time=handle.pack_seconds,
                upload_time=handle.upload_seconds,
                context_hash=packed.hash,
                region=handle.region,
                dockerfile_path=handle.dockerfile_path,
                no_cache=no_cache,
                commit=Commit() if known else commit_of(Path(handle.directory)),
            )
        )

    def attach(self, build: Build) -> BuildHandle:
        """The one handle of a build that exists, up to date, and followed until it has ended."""
        with self._lock:
            handle = self._handles.get(build.id)
        if handle is None:
            # What this asks is not asked under the lock; somebody else may have attached it meanwhile.
            made = self._handle_of(build)
            with self._lock:
                handle = self._handles.setdefault(build.id, made)
            if handle is made:
                self._watcher.follow(handle)
        handle.update(build)
        return handle

    def _handle_of(self, build: Build) -> BuildHandle:
        known = self.record.start_of(build.id)
        handle = BuildHandle(
            self.client,
            name=known.get("name", ""),
            note=known.get("note", ""),
            where=self.client.target.label,
        )
        handle.update(build)
        return handle

    def find(self, text: str) -> Build:
        """The build that is meant by an id, a unique beginning of one, or `^1` for the last, `^2` …"""
        if match := re.fullmatch(r"\^([1-9]\d*)", text):
            return self._nth_last(int(match[1]))
        if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
            return self._get(text)
        matching = [build for build in self.client.list_builds(limit=SEARCHED) if build.id.startswith(text)]
        if len(matching) == 1:
            return matching[0]
        if not matching or not text:
            raise UnknownBuild(f"No build's id begins with {text!r}.", hint="`%pcbuild history` lists them.")
        ids = ", ".join(build.id for build in matching[:5])
        raise UnknownBuild(f"{len(matching)} builds begin with {text!r}.", hint=f"Write more of the id: {ids}")

    def _nth_last(self, number: int) -> Build:
        """The n-th last build of this session, then of this machine; where it has none, of all on the service."""
        ids = list(dict.fromkeys([*reversed(self._started), *self.record.recent()]))
        if not ids:
            ids = [build.id for build in self.client.list_builds(limit=number)]
        if number > len(ids):
            known = f"only {len(ids)} are known" if ids else "none is known"
            raise UnknownBuild(f"There is no build ^{number}: {known}.", hint="`%pcbuild DIR` starts one.")
        return self._get(ids[number - 1])

    def _get(self, build_id: str) -> Build:
        try:
            return self.client.get_build(build_id)
        except NotFound as error:
            raise UnknownBuild(
                f"{self.client.target.label} knows no build {build_id}.",
                hint="`%pcbuild history` lists the builds there; `%pcbuild target` shows where that is.",
            ) from error
