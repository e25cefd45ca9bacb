"""Where to talk to and as whom, read the way the official command line reads it.

Order: what is given explicitly; a private API key from the environment; a token from the environment or the
official command line's login; with none of these, the local service.
"""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pipecat_nb.errors import DirectoryNotFound, SettingsError
from pipecat_nb.models import Secret

API_HOST = "https://api.pipecat.daily.co"
API_KEY_VARIABLES = ("PIPECAT_API_KEY", "PIPECAT_CLOUD_API_KEY", "PCC_API_KEY")
PROJECT_FILE = "pcc-deploy.toml"

#: What `api_host` is set to by those who have an account and want the local service all the same.
LOCAL = "local"

_LOG_IN = "Log in with `pipecat cloud auth login`, or set PIPECAT_API_KEY to a private API key."


@dataclass(frozen=True, kw_only=True)
class Target:
    """One place to build at: the service's address, the organization, the token, and where that was read.

    `kind` is "api-key" (paths without organization), "token" (paths with it) or "local". A token's organization
    is None as long as nobody has asked the service for it; a local address is empty until the service runs.
    """

    kind: Literal["api-key", "token", "local"]
    api_host: str
    org: str | None = None
    token: Secret | None = None
    source: str = ""

    @property
    def label(self) -> str:
        """A phrase for cards and messages: which service, and whose."""
        if self.kind == "local":
            return "local service"
        host = urlsplit(self.api_host).netloc or self.api_host
        return f"{self.org} on {host}" if self.org else host

    @property
    def account(self) -> str:
        """What tells this target's builds from others on this machine: its label, and of a key, which key."""
        if self.kind != "api-key" or self.token is None:
            return self.label
        return f"{self.label} {hashlib.sha256(self.token.reveal().encode()).hexdigest()[:12]}"


@dataclass(frozen=True, kw_only=True)
class Project:
    """What a project's `pcc-deploy.toml` says of its builds; without one, what the official client assumes."""

    directory: Path
    dockerfile: str = "Dockerfile"
    region: str | None = None
    agent_name: str | None = None
    exclude: tuple[str, ...] = field(default=())


def resolve(
    token: str | Secret | None = None,
    *,
    org: str | None = None,
    api_host: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Target:
    """The place to build at, as whom; raises SettingsError where what is found cannot be used."""
    host = (api_host or environ.get("PIPECAT_API_HOST") or "").rstrip("/")
    if host == LOCAL:
        return Target(kind="local", api_host="", org="local", source=f'api_host = "{LOCAL}"')
    chosen = host or API_HOST
    if not _is_address(chosen):
        raise SettingsError(
            f"The API host {chosen!r} is not an address.", hint=f"It looks like {API_HOST}, or is {LOCAL!r}."
        )

    given = token.reveal() if isinstance(token, Secret) else token
    if secret := _secret(given, "the token that was given"):
        return _with_token(secret, org=org, api_host=chosen, source="given explicitly", environ=environ)
    for name in API_KEY_VARIABLES:
        if secret := _secret(environ.get(name), name):
            return Target(kind="api-key", api_host=chosen, org=org, token=secret, source=name)
    if secret := _secret(environ.get("PIPECAT_TOKEN"), "PIPECAT_TOKEN"):
        named = org or environ.get("PIPECAT_ORG") or _login(environ).get("org")
        return Target(kind="token", api_host=chosen, org=named, token=secret, source="PIPECAT_TOKEN")
    login = _login(environ)
    source = f"the login in {_login_file(environ)}"
    if secret := _secret(login.get("token"), source):
        _refuse_expired(login)
        named = org or environ.get("PIPECAT_ORG") or login.get("org")
        return Target(kind="token", api_host=chosen, org=named, token=secret, source=source)

    if host or org:
        asked = f"the API host {host}" if host else f"the organization {org}"
        raise SettingsError(f"There is no token for {asked}.", hint=_LOG_IN)
    return Target(kind="local", api_host="", org="local", source="no credentials were found")


def _with_token(
    token: Secret, *, org: str | None, api_host: str, source: str, environ: Mapping[str, str]
) -> Target:
    """A token given by hand: a private key unless it looks like another one, or comes with an organization."""
    value = token.reveal()
    personal = value.startswith("pcc_pat_") or value.count(".") == 2
    if not (personal or org):
        return Target(kind="api-key", api_host=api_host, token=token, source=source)
    return Target(
        kind="token", api_host=api_host, org=org or environ.get("PIPECAT_ORG"), token=token, source=source
    )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _secret(value: object, source: str) -> Secret | None:
    """A token without the blanks around it that files and copying leave; None where there is none."""
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        return None
    # Sent as it is, it would come back in another library's error.
    if not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError(
            f"The token in {source} holds characters that no token has.", hint="Was more than the token copied?"
        )
    return Secret(text)


def _login_file(environ: Mapping[str, str]) -> Path:
    override = environ.get("PIPECAT_CONFIG_PATH")
    return Path(override or "~/.config/pipecatcloud/pipecatcloud.toml").expanduser()


def _login(environ: Mapping[str, str]) -> dict[str, Any]:
    """The official command line's login; empty where nobody has logged in."""
    path = _login_file(environ)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # The parser's own message may quote the line that holds the token.
        raise SettingsError(
            f"The login in {path} cannot be read ({type(error).__name__}).", hint=_LOG_IN
        ) from None


def _refuse_expired(login: Mapping[str, Any]) -> None:
    expires = login.get("token_expires_at")
    if isinstance(expires, int | float) and expires < datetime.now(UTC).timestamp():
        when = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
        raise SettingsError(f"The login expired at {when}.", hint=_LOG_IN)


def project(
    directory: str | os.PathLike[str] | None = None, *, environ: Mapping[str, str] = os.environ
) -> Project:
    """The project in a directory; where none is given, that of `./pcc-deploy.toml` or the current directory."""
    override = environ.get("PIPECAT_DEPLOY_CONFIG_PATH") if directory is None else None
    root = Path.cwd() if directory is None else _expand(directory)
    path = _expand(override) if override else root / PROJECT_FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if override:
            raise SettingsError(f"There is no project file {path} (PIPECAT_DEPLOY_CONFIG_PATH).") from None
        return Project(directory=root)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error

    build = _table(data, "build", path)
    exclude = _table(build, "exclude", path).get("patterns", [])
    if not isinstance(exclude, list) or not all(isinstance(pattern, str) for pattern in exclude):
        raise SettingsError(f"{path}: [build.exclude] patterns is not a list of texts.")
    return Project(
        directory=path.parent / (_text(build, "context_dir", path) or "."),
        dockerfile=_text(build, "dockerfile", path) or "Dockerfile",
        region=_text(data, "region", path),
        agent_name=_text(data, "agent_name", path),
        exclude=tuple(exclude),
    )


def _expand(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DirectoryNotFound(f"{os.fspath(path)!r} names nobody's home directory.") from error


def _table(data: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise SettingsError(f"{path}: {key} is not a table.")
    return value


def _text(data: Mapping[str, Any], key: str, path: Path) -> str | None:
    value = data.get(key)
    if value is not None and not isinstance(value, str):
        raise SettingsError(f"{path}: {key} is not a text.")
    return value or None
