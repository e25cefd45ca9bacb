"""The local Pipecat Cloud as a process.

When it is ready it prints one line of JSON, `{"url": …, "token": …, "org": "local"}`; everything else goes to
the standard error. It ends on SIGTERM, on SIGINT, and when nobody asks it for anything. Exit status: 0 after a
clean end, 1 if it cannot start, 2 for wrong options, 3 if another service holds the state directory.
"""

import argparse
import asyncio
import ipaddress
import json
import logging
import os
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

import uvicorn

from pipecat_nb import paths
from pipecat_nb.models import Secret
from pipecat_nb.service.app import create_app
from pipecat_nb.service.builds import ORGANIZATION
from pipecat_nb.service.engines import ENGINES, EngineChoice
from pipecat_nb.service.service import BUILD_TIMEOUT, WORKERS, Service
from pipecat_nb.service.state import StateDirectory, StateHeld

HELD = 3

#: Seconds that requests have to end when the service does.
_FAREWELL = 3

#: Ticks of uvicorn, a tenth of a second each, from one look at the idle time to the next.
_IDLE_TICKS = 10


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, *, on_ready: Callable[[], None], is_idle: Callable[[], bool]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._is_idle = is_idle

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or (counter % _IDLE_TICKS == 0 and self._is_idle())


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; the exit status."""
    options = _parse(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        state = StateDirectory(options.state)
    except StateHeld as error:
        print(error, file=sys.stderr)
        return HELD
    except OSError as error:
        print(f"The state directory {options.state} cannot be used: {error.strerror}", file=sys.stderr)
        return 1
    with closing(state):
        try:
            listener = _listen(options.host, options.port, last_port=state.last_port())
        except OSError as error:
            print(f"Cannot listen on {options.host} port {options.port}: {error.strerror}", file=sys.stderr)
            return 1
        with listener:
            try:
                service = Service(
                    state,
                    engine=EngineChoice(options.engine),
                    build_timeout=options.build_timeout,
                    workers=options.workers,
                )
            except sqlite3.DatabaseError as error:
                print(f"The database {state.database} cannot be used: {error}", file=sys.stderr)
                return 1
            with service:
                _serve(service, state, listener, idle_exit=options.idle_exit)
    return 0


def _serve(service: Service, state: StateDirectory, listener: socket.socket, *, idle_exit: float) -> None:
    def announce() -> None:
        host, port = listener.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        state.announce(url=url, port=port, token=service.token, org=ORGANIZATION)
        _print_ready(url, service.token)

    config = uvicorn.Config(
        create_app(service),
        http="h11",
        loop="asyncio",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_FAREWELL,
    )
    server = _Server(
        config,
        on_ready=announce,
        is_idle=lambda: 0 < idle_exit <= service.idle_seconds(),
    )

    def end(*_: object) -> None:
        server.should_exit = True

    # uvicorn has handlers of its own while it serves; when it ends it raises the signal again, for these.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    asyncio.run(server.serve(sockets=[listener]))


def _print_ready(url: str, token: Secret) -> None:
    line = json.dumps({"url": url, "token": token.reveal(), "org": ORGANIZATION})
    # Not by `print`: whoever started us may be gone, and what stays in its buffer would fail once more at the end.
    with suppress(OSError):
        os.write(1, f"{line}\n".encode())


def _listen(host: str, port: int, *, last_port: int | None) -> socket.socket:
    """A listening socket: on the port asked for, or else on the last time's, or else on any free one."""
    for candidate in [port] if port else [last_port or 0, 0]:
        with suppress(OSError):
            return _bind(host, candidate)
    return _bind(host, port)


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if sys.platform != "win32":  # there it would let two services share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipecat_nb.service", description="Serve a local Pipecat Cloud."
    )
    parser.add_argument(
        "--host", type=_loopback, default="127.0.0.1", help="the loopback address to listen on (%(default)s)"
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=0,
        metavar="N",
        help="the port; 0: the last time's, or any free one (%(default)s)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=paths.service_dir(),
        metavar="DIR",
        help="the directory of builds, logs and contexts (%(default)s)",
    )
    parser.add_argument(
        "--engine", choices=ENGINES, help=f"what builds (the first that answers of {', '.join(ENGINES)})"
    )
    parser.add_argument(
        "--build-timeout",
        type=_limit,
        default=BUILD_TIMEOUT,
        metavar="S",
        help="the seconds that a build may take (%(default)g)",
    )
    parser.add_argument(
        "--idle-exit",
        type=_seconds,
        default=1800.0,
        metavar="S",
        help="the seconds without a request or a build after which the service ends; 0: never (%(default)g)",
    )
    parser.add_argument(
        "--workers", type=_count, default=WORKERS, metavar="N", help="how many builds run at once (%(default)s)"
    )
    return parser.parse_args(arguments)


def _loopback(text: str) -> str:
    host = "127.0.0.1" if text == "localhost" else text
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return host
    raise argparse.ArgumentTypeError(f"{text!r} is no loopback address; the service is for this machine only")


def _port(text: str) -> int:
    with suppress(ValueError):
        if 0 <= (port := int(text)) < 2**16:
            return port
    raise argparse.ArgumentTypeError(f"{text!r} is no port; a port is a whole number from 0 to 65535")


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (seconds := float(text)) <= threading.TIMEOUT_MAX:
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")


def _limit(text: str) -> float:
    if not (seconds := _seconds(text)):
        raise argparse.ArgumentTypeError("the limit must be more than 0 seconds")
    return seconds


def _count(text: str) -> int:
    with suppress(ValueError):
        if (count := int(text)) > 0:
            return count
    raise argparse.ArgumentTypeError(f"{text!r} is no number of builds; at least 1 is needed")


if __name__ == "__main__":
    sys.exit(main())
