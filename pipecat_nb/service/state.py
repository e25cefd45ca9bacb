"""The service's directory: what lies where, who holds it, and what must survive a restart."""

import json
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pipecat_nb.models import Secret
from pipecat_nb.paths import SERVICE_FILE


class StateHeld(Exception):
    """Another service holds the directory; `pid` is its process, None when that is not known."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"A local service runs on {directory} already: {who} holds it.")
        self.pid = pid


class StateDirectory:
    """A state directory held by this process alone; closing it lets it go. Raises StateHeld or OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The holder's pid has a file of its own: the lock's is emptied by everyone who tries to lock it.
        self._pid_file = path / "service.pid"
        self._lock = FileLock(path / "service.lock", blocking=False)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise StateHeld(path, _read_number(self._pid_file)) from error
        write_private(self._pid_file, str(os.getpid()))
        for directory in (self.contexts, self.logs, self.work):
            directory.mkdir(exist_ok=True, mode=0o700)

    @property
    def database(self) -> Path:
        return self.path / "service.db"

    @property
    def contexts(self) -> Path:
        """The uploaded archives, each named by the MD5 of its bytes."""
        return self.path / "contexts"

    @property
    def logs(self) -> Path:
        """One log for each build, named by its id."""
        return self.path / "logs"

    @property
    def work(self) -> Path:
        """Unpacked contexts of the builds that run."""
        return self.path / "work"

    def token(self) -> Secret:
        """The token that this service takes, made once and kept."""
        file = self.path / "token"
        with suppress(FileNotFoundError):
            if kept := file.read_text(encoding="ascii").strip():
                return Secret(kept)
        made = secrets.token_urlsafe(32)
        write_private(file, made)
        return Secret(made)

    def last_port(self) -> int | None:
        """The port of the last time, so that clients find a service that was started again."""
        return _read_number(self.path / "port")

    def announce(self, *, url: str, port: int, token: Secret, org: str) -> None:
        """Tell who may read this directory how the service is reached."""
        write_private(self.path / "port", str(port))
        about = {"url": url, "token": token.reveal(), "org": org, "pid": os.getpid()}
        write_private(self.path / SERVICE_FILE, json.dumps(about))

    def close(self) -> None:
        """Take the announcement back and let the directory go."""
        (self.path / SERVICE_FILE).unlink(missing_ok=True)
        self._pid_file.unlink(missing_ok=True)
        self._lock.release()


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read_number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
