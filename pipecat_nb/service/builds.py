"""The rules of builds: permissions to upload, the cache, what may be asked for. Knows nothing of HTTP.

What is refused is raised as `APIError` with the status and the code of the answer.
"""

import hashlib
import posixpath
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path, PureWindowsPath

from pipecat_nb.errors import APIError, EngineError
from pipecat_nb.models import PENDING, STATUSES, SUCCESS, Build, CreatedBuild
from pipecat_nb.service.engines import EngineChoice
from pipecat_nb.service.logs import last_lines
from pipecat_nb.service.presigned import PostSigner, S3Error
from pipecat_nb.service.storage import StoredObject, context_file
from pipecat_nb.service.store import Store

#: The one organization of a local service.
ORGANIZATION = "local"

REGIONS: Mapping[str, str] = {
    "us-west": "US West (Oregon)",
    "us-east": "US East (Virginia)",
    "eu-central": "Europe (Frankfurt)",
    "ap-south": "Asia Pacific (Mumbai)",
}
DEFAULT_REGION = "us-west"

#: How long an upload is permitted.
UPLOAD_LIFETIME = timedelta(minutes=15)

#: How long a build may be created from an upload.
UPLOAD_KEPT = timedelta(days=1)

#: The longest Dockerfile path, in characters.
_PATH_LIMIT = 1024


class Builds:
    """Everything that the service does with builds, but for building them; `enqueue` hands a new one over."""

    def __init__(
        self,
        *,
        store: Store,
        signer: PostSigner,
        contexts: Path,
        logs: Path,
        engine: EngineChoice,
        clock: Callable[[], datetime],
        enqueue: Callable[[str], None],
    ) -> None:
        self._store = store
        self.signer = signer
        self.contexts = contexts
        self._logs = logs
        self._engine = engine
        self._clock = clock
        self._enqueue = enqueue

    def permit_upload(self, region: object) -> tuple[str, dict[str, str], datetime]:
        """An upload's id, the fields of its form, and when the permission ends."""
        region = _known_region(region)
        upload_id, now = str(uuid.uuid4()), self._clock()
        self._store.add_upload(upload_id, region=region, issued_at=now)
        fields = self.signer.fields(key=_key(upload_id), region=region, issued_at=now, lifetime=UPLOAD_LIFETIME)
        return upload_id, fields, now + UPLOAD_LIFETIME

    def check_upload(self, fields: Mapping[str, str]) -> None:
        """Raise S3Error unless the form's fields permit an upload now."""
        self.signer.check(fields, now=self._clock())

    def finish_upload(self, stored: StoredObject) -> None:
        """Remember what was uploaded; raises S3Error when its permission was forgotten meanwhile."""
        upload_id = stored.key.split("/")[2]
        if not self._store.finish_upload(upload_id, md5=stored.md5, size=stored.size):
            raise S3Error("AccessDenied", "Invalid according to Policy: Policy expired.", status=403)

    def create(self, *, upload_id: object, region: object, dockerfile_path: object = "Dockerfile") -> CreatedBuild:
        """A new build of an upload, or the successful one of the same context, region and Dockerfile path.

        The earlier one counts only as long as the engine still has its image.
        """
        region = _known_region(region)
        dockerfile_path = _inside_path(dockerfile_path)
        upload = self._store.upload(_valid_id(upload_id, name="uploadId"))
        if upload is None or upload.context_md5 is None or upload.context_size is None:
            raise bad_request("Upload not found: nothing was uploaded under this uploadId.")
        if upload.region != region:
            raise bad_request(f"Region mismatch: the upload was made for {upload.region}, not for {region}.")
        context_hash = upload.context_md5[:16]
        cached = self._store.latest_success(
            context_hash=context_hash, region=region, dockerfile_path=dockerfile_path
        )
        if cached is not None and cached.image_uri is not None and self._has_image(cached.image_uri):
            return CreatedBuild(build=cached, context_hash=context_hash, cached=True)
        if not context_file(self.contexts, upload.context_md5).is_file():
            raise bad_request("Upload not found: its archive is no longer stored.")
        now = self._clock()
        build = Build(
            id=str(uuid.uuid4()),
            status=PENDING,
            region=region,
            dockerfile_path=dockerfile_path,
            context_hash=context_hash,
            context_size=upload.context_size,
            created_at=now,
            updated_at=now,
            organization_id=ORGANIZATION,
        )
        self._store.add_build(build, context_md5=upload.context_md5)
        self._enqueue(build.id)
        return CreatedBuild(build=build, context_hash=context_hash, cached=False)

    def get(self, build_id: str) -> Build:
        """The build of this id."""
        build = self._store.build(_valid_id(build_id, name="build ID"))
        if build is None:
            raise not_found("Build not found")
        return build

    def page(
        self,
        *,
        status: str | None = None,
        region: str | None = None,
        context_hash: str | None = None,
        limit: int,
        offset: int,
    ) -> tuple[list[Build], int]:
        """A page of the builds, newest first, and how many there are in all.

        Who asks for the successful builds of one context looks for an image to use: then only those count whose
        image the engine still has.
        """
        if status is not None and status not in STATUSES:
            raise bad_request(f"Unknown status {status!r}. Statuses: {', '.join(STATUSES)}")
        images: list[str] | None = None
        if status == SUCCESS and context_hash is not None:
            images = [image for image in self._store.images(context_hash=context_hash) if self._has_image(image)]
        return self._store.builds(
            status=status, region=region, context_hash=context_hash, images=images, limit=limit, offset=offset
        )

    def log(self, build_id: str, *, limit: int) -> list[str]:
        """The last lines of a build's log, oldest first: its end says why it failed."""
        return last_lines(log_file(self._logs, self.get(build_id).id), limit=limit)

    def _has_image(self, image: str) -> bool:
        # An engine that does not answer has nothing to give: building again is right then, and at worst slow.
        try:
            return self._engine.get().image_size(image) is not None
        except EngineError:
            return False


def log_file(directory: Path, build_id: str) -> Path:
    """Where the log of a build lies."""
    return directory / f"{build_id}.log"


def image_name(build: Build) -> str:
    """A name that every engine takes, and that means one context, region and Dockerfile."""
    place = f"{build.region}\0{build.dockerfile_path}".encode()
    return f"localhost/pipecat-cloud/{ORGANIZATION}:{build.context_hash}-{hashlib.sha256(place).hexdigest()[:8]}"


def bad_request(message: str) -> APIError:
    return APIError(message, status=400, code="GENERIC_BAD_REQUEST")


def not_found(message: str) -> APIError:
    return APIError(message, status=404, code="NOT_FOUND")


def _key(upload_id: str) -> str:
    return f"uploads/{ORGANIZATION}/{upload_id}/context.tar.gz"


def _known_region(region: object) -> str:
    if isinstance(region, str) and region in REGIONS:
        return region
    problem = "A region is required" if region is None else f"Region {region!r} is not available"
    raise bad_request(f"{problem}. Available regions: {', '.join(REGIONS)}")


def _valid_id(text: object, *, name: str) -> str:
    try:
        # Only the usual way to write one: `UUID` itself would take braces and prefixes too.
        if isinstance(text, str) and len(text) == 36:
            return str(uuid.UUID(text))
    except ValueError:
        pass
    raise bad_request(f"Invalid {name} format: a UUID is expected")


def _inside_path(path: object) -> str:
    if not isinstance(path, str) or not path.strip() or len(path) > _PATH_LIMIT or not path.isprintable():
        raise bad_request("dockerfilePath must be the path of a file in the context")
    normal = posixpath.normpath(path)
    parts = normal.replace("\\", "/").split("/")
    if normal in (".", "/") or path.startswith("/") or ".." in parts or PureWindowsPath(path).anchor:
        raise bad_request(f"dockerfilePath {path!r} leaves the context")
    return path
