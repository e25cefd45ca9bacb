"""What the service sends, as Python values; fields it may add one day are kept in `extra`.

Source of the field names: the published OpenAPI document of Pipecat Cloud.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

PENDING, BUILDING, SUCCESS, FAILED, TIMEOUT = STATUSES = (
    "pending",
    "building",
    "success",
    "failed",
    "timeout",
)
FINAL_STATUSES = frozenset({SUCCESS, FAILED, TIMEOUT})

#: The largest context that the service takes, in bytes.
CONTEXT_LIMIT = 500 * 1024 * 1024


class Secret:
    """A value that is used but never shown: `reveal()` is the only way to it."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        return self.__value

    def __repr__(self) -> str:
        return "•••"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "•••"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce__(self) -> Any:
        raise TypeError("a secret is never written to disk or sent to another process")


def parse_time(value: Any) -> datetime | None:
    """An aware UTC datetime of an ISO 8601 text; None for anything that is not one."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_time(value: datetime | None) -> str | None:
    """The service's way to write a time: ISO 8601 in UTC with milliseconds and `Z`."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_int(value: Any) -> int | None:
    """A whole number that came as one or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(float(value)) if isinstance(value, float) else int(value)
    except (ValueError, OverflowError):
        return None


def ended(status: str, completed_at: datetime | None) -> bool:
    """Whether a build has ended, well or badly; of a status yet unknown, the time of its end tells."""
    return status in FINAL_STATUSES or (status not in STATUSES and completed_at is not None)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


#: attribute of `Build` -> (the service's name, how it is read, how it is written)
_BUILD_FIELDS: dict[str, tuple[str, Any, Any]] = {
    "id": ("id", _text, _text),
    "status": ("status", _text, _text),
    "region": ("region", _text, _text),
    "context_hash": ("contextHash", _text, _text),
    "dockerfile_path": ("dockerfilePath", _text, _text),
    "image_uri": ("imageUri", _text, _text),
    "logs_url": ("logsUrl", _text, _text),
    "error_message": ("errorMessage", _text, _text),
    "context_size": ("contextSizeBytes", parse_int, parse_int),
    "image_size": ("imageSizeBytes", parse_int, parse_int),
    "build_seconds": ("buildDurationSeconds", parse_int, parse_int),
    "created_at": ("createdAt", parse_time, format_time),
    "started_at": ("startedAt", parse_time, format_time),
    "completed_at": ("completedAt", parse_time, format_time),
    "updated_at": ("updatedAt", parse_time, format_time),
    "organization_id": ("organizationId", _text, _text),
    "repository": ("repoFullName", _text, _text),
    "ref": ("ref", _text, _text),
    "commit": ("commitSha", _text, _text),
}


@dataclass(frozen=True, kw_only=True)
class Build:
    """One build as the service knows it; sizes in bytes, times in UTC, None for what is not known (yet)."""

    id: str
    status: str
    region: str | None = None
    context_hash: str | None = None
    dockerfile_path: str | None = None
    image_uri: str | None = None
    logs_url: str | None = None
    error_message: str | None = None
    context_size: int | None = None
    image_size: int | None = None
    build_seconds: int | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    updated_at: datetime | None = None
    organization_id: str | None = None
    repository: str | None = None
    ref: str | None = None
    commit: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def final(self) -> bool:
        """Whether the build has ended, well or badly; of a status yet unknown, the time of its end tells."""
        return ended(self.status, self.completed_at)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The build of the service's JSON object; a missing id or status becomes an empty text."""
        known = {name: read(data.get(key)) for name, (key, read, _) in _BUILD_FIELDS.items()}
        known["id"] = known["id"] or ""
        known["status"] = known["status"] or ""
        names = {key for key, _, _ in _BUILD_FIELDS.values()}
        return cls(**known, extra={key: value for key, value in data.items() if key not in names})

    def to_json(self) -> dict[str, Any]:
        """The service's JSON object of this build; what is None is left out."""
        known = {key: write(getattr(self, name)) for name, (key, _, write) in _BUILD_FIELDS.items()}
        return {key: value for key, value in known.items() if value is not None} | dict(self.extra)

    def replace(self, **changes: Any) -> Self:
        """This build with some attributes changed."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class UploadTicket:
    """The permission to upload one archive: where, with which form fields, for which region, until when."""

    upload_id: str
    url: str
    fields: Mapping[str, str] = field(repr=False)
    region: str
    expires_at: datetime | None = None
    issued_at: datetime | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, region: str, issued_at: datetime | None = None) -> Self:
        return cls(
            upload_id=str(data["uploadId"]),
            url=str(data["uploadUrl"]),
            fields={str(name): str(value) for name, value in dict(data.get("uploadFields") or {}).items()},
            region=region,
            expires_at=parse_time(data.get("expiresAt")),
            issued_at=issued_at,
        )


@dataclass(frozen=True, kw_only=True)
class CreatedBuild:
    """The answer to creating a build: the build, and whether it is an earlier one from the cache."""

    build: Build
    context_hash: str
    cached: bool


@dataclass(frozen=True, kw_only=True)
class Region:
    """A place where images are built and agents run."""

    code: str
    display_name: str
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        code = str(data.get("code", ""))
        extra = {key: value for key, value in data.items() if key not in ("code", "display_name")}
        return cls(code=code, display_name=str(data.get("display_name") or code), extra=extra)


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """Lines of a build's log, oldest first, and the mark of where more would be found, if there is more."""

    lines: tuple[str, ...]
    next_token: str | None = None
